"""What tells a bench that a code arrived: the scanner, the camera that sees a label, an HTTP call."""
