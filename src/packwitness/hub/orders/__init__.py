"""Orders, their lines, shipments and buyers."""
