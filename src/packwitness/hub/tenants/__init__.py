"""Organisations, sites, members, roles and API keys."""
