"""Lists, a page at a time."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

PAGE_LENGTH = 50
COUNTED = 10_000
"""So many rows are counted and leafed through; who looks further back searches."""


if TYPE_CHECKING:
    # Django's own class takes a row type for the type checker only.
    RowPaginator = Paginator[Any]
else:
    RowPaginator = Paginator


class BoundedPaginator(RowPaginator):
    """Counts no further than ``COUNTED``, so that a list of millions costs no more than a short one."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, at most ``COUNTED``."""
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED].count())

    @property
    def more(self) -> bool:
        """Whether the list goes on behind the last page."""
        return self.count >= COUNTED


def page_of[Row: Model](request: HttpRequest, rows: QuerySet[Row]) -> "Page[Row]":
    """Return the page of ``rows`` that ``?page=`` names, the first or last one for a number that is none."""
    return BoundedPaginator(rows, PAGE_LENGTH).get_page(request.GET.get("page"))
