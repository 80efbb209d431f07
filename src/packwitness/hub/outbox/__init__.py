"""Domain events, written in the transaction that caused them, handed to their hearers at least once."""
