"""The server: a Django project, one folder a room (docs/design/hub.md)."""
