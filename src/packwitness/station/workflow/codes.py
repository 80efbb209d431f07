"""What a scanned text means: a code, a command, or nothing usable.

A code is compared **whole** after normalisation, never by substring: two parcels whose numbers share their
end are two parcels. Normalisation takes away only what scanners and keyboards add: an AIM symbology
identifier, the FNC1 that opens a GS1 code, white space, letter case, full-width forms from an East
Asian input method.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from packwitness.station.workflow.events import Command, CommandName, Scanned, Source

CODE_LIMIT: Final = 200
"""Most characters of a code after normalisation; ``protocol.Code`` agrees."""
COMMAND_PREFIX: Final = "PWCMD:"
"""No carrier, shop or product writes a colon after these letters, and no code that begins so is taken for
a parcel."""

_AIM = re.compile(r"^\](?P<kind>[A-Za-z])[0-9A-Za-z]")
_AIM_SYMBOLOGIES: Final = {
    "A": "Code39",
    "C": "Code128",
    "d": "DataMatrix",
    "E": "EAN13",
    "e": "DataBar",
    "F": "Codabar",
    "G": "Code93",
    "I": "ITF",
    "L": "PDF417",
    "Q": "QRCode",
    "z": "Aztec",
}
"""ISO/IEC 15424 code characters and the names the camera's reader gives the same symbologies."""

# Categories of characters that no barcode of ours may hold: control, format (zero width), surrogate,
# private, unassigned.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


class CodeRefused(ValueError):
    """The text is no code. ``reason`` is a short name (also a key of ``kiosk.messages``); trying again
    does not help."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(advice)
        self.reason = reason
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Code:
    """A normalised code; ``symbology`` is empty where the scanner does not say."""

    text: str
    symbology: str = ""


def normalise(raw: str) -> Code:
    """Return the code in ``raw``.

    Raises:
        CodeRefused: reasons ``code_empty``, ``code_too_long``, ``code_control_character``.
    """
    if len(raw) > 2 * CODE_LIMIT:  # before any work on it: white space cannot make up for this
        raise _too_long(len(raw))
    text = raw.strip()
    symbology = ""
    if aim := _AIM.match(text):
        symbology = _AIM_SYMBOLOGIES.get(aim["kind"], "")
        text = text[aim.end() :]
    # GS, which scanners send for FNC1, is white space to strip().
    text = unicodedata.normalize("NFKC", text.strip())
    text = "".join(text.split(" ")).upper()
    if not text:
        raise CodeRefused("code_empty", "The code is empty. Scan the label again.")
    if len(text) > CODE_LIMIT:
        raise _too_long(len(text))
    for place, character in enumerate(text, start=1):
        if unicodedata.category(character) in _UNPRINTABLE:
            raise CodeRefused(
                "code_control_character",
                f"Character {place} of the code is U+{ord(character):04X}, which cannot be printed. Set "
                f"the scanner to send "
                "plain text with Enter at the end.",
            )
    return Code(text, symbology)


def read_scan(
    raw: str, *, source: Source, utc: datetime, monotonic_ns: int, symbology: str = ""
) -> Scanned | Command:
    """Turn a text that arrived into the event it is.

    Raises:
        CodeRefused: as ``normalise``, and ``command_unknown`` for a ``PWCMD:`` that names no command.
    """
    code = normalise(raw)
    if code.text.startswith(COMMAND_PREFIX):
        name = code.text.removeprefix(COMMAND_PREFIX).lower()
        if name not in CommandName:
            known = ", ".join(COMMAND_PREFIX + command.upper() for command in CommandName)
            raise CodeRefused(
                "command_unknown", f"{code.text} is no command of this station. Known are {known}."
            )
        return Command(name=CommandName(name), source=source, utc=utc, monotonic_ns=monotonic_ns)
    return Scanned(
        code=code.text,
        source=source,
        symbology=symbology or code.symbology,
        utc=utc,
        monotonic_ns=monotonic_ns,
    )


def _too_long(length: int) -> CodeRefused:
    return CodeRefused(
        "code_too_long",
        f"The code has {length} characters, at most {CODE_LIMIT} are possible. Scan one code at a time.",
    )
