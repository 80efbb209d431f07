"""Where pictures come from: one small interface, one module a kind."""
