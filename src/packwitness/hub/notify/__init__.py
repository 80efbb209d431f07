"""Messages to buyers and their channels."""
