"""What every page is made of: base templates, components, the style sheet, problems."""
