"""What this package raises.

EvidenceError
├── Malformed    the bytes are not what the format says: asking again cannot help
└── NotABundle   a path holds neither a bundle nor a take's folder

Evidence that is readable but wrong is no exception: it is a ``Finding`` in a verdict.
"""


class EvidenceError(ValueError):
    """Base of everything this package raises on purpose."""


class Malformed(EvidenceError):
    """Bytes or a value that break the format; the message says where and what was expected."""


class NotABundle(EvidenceError):
    """A path that cannot be opened as evidence; the message says what to give instead."""
