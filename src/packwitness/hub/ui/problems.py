"""Errors of the APIs: RFC 9457 problems. ``config.api`` renders them."""

from collections.abc import Mapping
from typing import Any


class Problem(Exception):
    """An API call cannot be served.

    ``title`` says what happened, ``detail`` what to do; ``retry`` whether the same call can succeed later;
    ``extra`` holds further members of the answer, such as ``missing``.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str = "",
        retry: bool = False,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {title}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.retry = retry
        self.extra = dict(extra or {})

    def body(self) -> dict[str, Any]:
        """Return the members of the answer."""
        return {
            "title": self.title,
            "status": self.status,
            "detail": self.detail or self.title,
            "code": self.code,
            "retry": self.retry,
            **self.extra,
        }
