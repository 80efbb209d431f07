"""``packwitness station doctor``: everything that a bench needs, tried once, a line each."""
