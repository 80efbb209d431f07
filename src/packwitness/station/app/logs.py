"""What the station writes about itself: one line an event, on standard error.

Lines for people on a terminal, JSON elsewhere. What is logged is named by the caller; addresses of cameras
and hubs, tokens and keys never are.
"""

import io
import logging
import sys
from typing import TextIO, cast

import structlog


class _StandardError(io.TextIOBase):
    """Standard error as it is when a line is written: loggers are kept, and it may be replaced meanwhile."""

    def write(self, text: str, /) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        # When the interpreter ends, what is imported here may be gone before this is.
        stream = getattr(sys, "stderr", None)
        if stream is not None:
            stream.flush()


def set_up(level: str) -> None:
    """Configure structlog and the standard library's logging for this process."""
    number = logging.getLevelNamesMapping()[level.upper()]
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if sys.stderr.isatty():
        processors.append(structlog.dev.ConsoleRenderer())
    else:
        processors += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _StandardError())),
        cache_logger_on_first_use=True,
    )
    # Of the libraries only what went wrong: their finer lines hold addresses.
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr)
