"""Packwitness films each parcel being packed and makes the film findable and provable."""

__version__ = "0.1.0"
