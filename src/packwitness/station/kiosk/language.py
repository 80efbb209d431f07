"""Which language a page is in, and its translations."""

import gettext
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request

_LOCALE: Final = Path(__file__).parent / "locale"
NAMES: Final = {"en": "English", "ko": "한국어"}
"""Each language in its own words, for the switch."""


@cache
def translations(language: str) -> gettext.NullTranslations:
    """Return the kiosk's texts in ``language``; English, the source's language, has no file."""
    return gettext.translation("kiosk", _LOCALE, [language], fallback=True)


def choose(request: Request, languages: Sequence[str]) -> str:
    """Return ``?lang=``, else the cookie's, else what the browser prefers, else the first of
    ``languages``."""
    for wanted in (request.query_params.get("lang"), request.cookies.get("packwitness-lang")):
        if wanted is not None and wanted in languages:
            return wanted
    for weighted in sorted(_accepted(request.headers.get("accept-language", "")), reverse=True):
        if weighted[1] in languages:
            return weighted[1]
    return languages[0]


def _accepted(header: str) -> list[tuple[float, str]]:
    """Return (weight, language) of an Accept-Language header; earlier ones weigh a little more among
    equals."""
    found = []
    for place, item in enumerate(header[:500].split(",")):
        tag, _, weight = item.partition(";q=")
        try:
            found.append((float(weight or 1) - place / 1_000, tag.strip().lower().partition("-")[0]))
        except ValueError:
            continue
    return found
