"""A network camera's URL, taken apart."""

import re
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from packwitness.station.cameras.camera import BadAddress

PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
SECURE = ("rtsps", "https")
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
TRANSPORTS: dict[str, Literal["", "tcp", "udp"]] = {"": "", "tcp": "tcp", "udp": "udp"}
OPTIONS = {"rtsp": ("transport", "rate", "sha256", "sound"), "http": ("rate", "sha256", "sound")}
"""What may stand behind the `#` of a URL, where nothing is sent to the camera."""
RATE_LIMIT = 240


@dataclass(frozen=True, slots=True)
class Address:
    """A camera's URL, taken apart: `url` holds no password, and `place` may be shown.

    `transport` is what the user asked for, "" if nothing; `fingerprint` the SHA-256 of the camera's own
    certificate in hex, "" if it must be one that the system trusts; `sound`: whether sound is wanted; `rate`:
    how many pictures a second the camera is set to, 0 where the user does not say.
    """

    url: str
    host: str
    port: int
    user: str
    password: str
    secure: bool
    transport: Literal["", "tcp", "udp"] = ""
    fingerprint: str = ""
    sound: bool = False
    rate: int = 0

    @property
    def place(self) -> str:
        return f"The camera at {self.host}:{self.port}"

    @property
    def there(self) -> str:
        """`place` in the middle of a sentence."""
        return self.place[0].lower() + self.place[1:]

    def moved(self, to: "Address", *, trusted: bool) -> "Address":
        """Where a camera sends us. The password comes along only if it is `trusted`."""
        user, password = (self.user, self.password) if trusted else ("", "")
        there = replace(self, url=to.url, host=to.host, port=to.port)
        return replace(there, user=user, password=password)


def parse_address(url: str) -> Address:
    """Raises BadAddress; its text quotes nothing."""
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), parts.hostname
        port = parts.port or PORTS.get(scheme, 0)
        options = dict(parse_qsl(parts.fragment, keep_blank_values=True, strict_parsing=bool(parts.fragment)))
    except ValueError:
        raise BadAddress("The camera's URL cannot be read.") from None
    if scheme not in PORTS or not host or not port:
        raise BadAddress("The camera's URL names no host.")
    netloc = parts.netloc.rpartition("@")[2]
    talk = scheme[:4]  # the s is TLS, which is told apart
    plain = urlunsplit((talk, netloc, parts.path or "/", parts.query, ""))
    if any(char.isspace() or not char.isprintable() for char in plain):
        raise BadAddress("The camera's URL holds a space or a character that is none; write a space as %20.")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    unknown = sorted(set(options) - set(OPTIONS[talk]))
    if unknown:
        known = ", ".join(OPTIONS[talk])
        raise BadAddress(f"Behind the # of a camera's URL may stand {known}, nothing else.")
    transport = TRANSPORTS.get(options.get("transport", ""))
    if transport is None or (transport == "udp" and scheme == "rtsps"):
        raise BadAddress("A camera's transport is tcp or udp, and with rtsps:// always tcp.")
    fingerprint = options.get("sha256", "").replace(":", "").lower()
    if "sha256" in options and not FINGERPRINT.fullmatch(fingerprint):
        raise BadAddress("The sha256 of a camera's certificate has 64 hexadecimal digits.")
    if options.get("sound", "0") not in ("0", "1"):
        raise BadAddress("A camera's sound is 0 or 1.")
    sound = options.get("sound") == "1"
    rate = read_rate(options["rate"]) if "rate" in options else 0
    secure = scheme in SECURE
    return Address(plain, host, port, user, password, secure, transport, fingerprint, sound, rate)


def read_rate(word: str) -> int:
    """Pictures a second. Raises BadAddress."""
    if not (word.isascii() and word.isdigit() and 1 <= int(word[:4]) <= RATE_LIMIT):
        raise BadAddress(f"A camera's rate is a number of pictures a second, 1 to {RATE_LIMIT}.")
    return int(word)
