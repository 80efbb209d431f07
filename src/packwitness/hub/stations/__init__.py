"""Stations and benches: enrolment, heartbeat, journal."""
