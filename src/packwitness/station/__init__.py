"""The bench: cameras, scanner, kiosk and a spool that outlives power cuts and absent hubs."""
