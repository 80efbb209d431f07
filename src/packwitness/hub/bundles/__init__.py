"""What leaves the house: evidence bundles and signed copies."""
