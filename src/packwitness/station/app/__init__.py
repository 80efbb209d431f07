"""The station's program: it puts cameras, recorder, workflow, triggers, spool and kiosk together."""
