"""What a hearer is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class HeardEvent:
    """One domain event. A hearer may be given the same one again, so it is idempotent by ``id``."""

    id: str
    name: str
    organisation_id: str
    subject: str
    body: Mapping[str, Any]
    at: datetime


Hearer = Callable[[HeardEvent], None]
