"""One module a page of the desk. Each view parses, makes one call and renders."""
