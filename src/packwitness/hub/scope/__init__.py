"""The organisation a row belongs to, and the one place where row access is decided."""
