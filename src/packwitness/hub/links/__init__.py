"""Tokens that open one watch page."""
