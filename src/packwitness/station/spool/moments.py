"""Moments as the ledger holds them: UTC in whole milliseconds."""

from datetime import UTC, datetime, timedelta

from packwitness.evidence.canonical import format_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment: datetime) -> int:
    """Return the milliseconds since 1970 of an aware datetime, cut, never rounded up."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def rfc3339(ms: int) -> str:
    """Return the form that evidence uses: ``2026-11-22T10:00:00.000Z``."""
    return format_time(from_ms(ms))
