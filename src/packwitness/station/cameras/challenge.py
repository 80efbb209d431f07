"""How a camera wants to be told the password (RFC 7616, 7617), over RTSP and HTTP alike."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping

SUPPORTED_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Password:
    """User name and password for one camera, and how it last wanted to be told them."""

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password
        self._challenge: dict[str, str] | None = None
        self._nonce_count = 0

    def take(self, offered: str) -> bool:
        """Remember how to identify ourselves. Returns whether it is worth another try."""
        found = best_challenge(offered)
        before, self._challenge = self._challenge, found
        self._nonce_count = 0
        return before is None or before.get("nonce") != found.get("nonce")

    def authorization(self, method: str, url: str) -> str:
        """The header's value for a request; empty while nobody has asked, or in a way that we do not know."""
        if self._challenge is None:
            return ""
        self._nonce_count += 1
        return authorization(
            self._challenge,
            user=self._user,
            password=self._password,
            method=method,
            url=url,
            count=self._nonce_count,
        )


def is_stale(offered: str) -> bool:
    """Whether the password was right, and only its seal too old."""
    return best_challenge(offered).get("stale", "").lower() == "true"


def best_challenge(offered: str) -> dict[str, str]:
    """The safest of the ways that the camera offers, one a line: SHA-256, MD5, the password itself."""
    challenges: list[dict[str, str]] = []
    for line in offered.splitlines():
        scheme, _, rest = line.strip().partition(" ")
        found = {k.lower(): v.strip('"') for k, v in re.findall(r'(\w+)=("[^"]*"|[^\s,]+)', rest)}
        found["scheme"] = scheme.lower()
        challenges.append(found)

    def safety(challenge: dict[str, str]) -> int:
        if challenge["scheme"] == "basic":
            return 1
        algorithm = challenge.get("algorithm", "MD5").upper()
        known = challenge["scheme"] == "digest" and algorithm in SUPPORTED_HASHES
        return 2 + (algorithm != "MD5") if known else 0

    return max(challenges, key=safety, default={"scheme": ""})


def authorization(
    challenge: Mapping[str, str], *, user: str, password: str, method: str, url: str, count: int
) -> str:
    """What to write under `Authorization`; nothing where the camera wants a way that we do not know.

    `count`: how often the challenge has been answered, this time included.
    """
    if challenge["scheme"] == "basic":
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    algorithm = challenge.get("algorithm", "MD5").upper()
    make = SUPPORTED_HASHES.get(algorithm)
    if make is None or challenge["scheme"] != "digest":
        return ""

    def digest(*words: str) -> str:
        return make(":".join(words).encode()).hexdigest()

    realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
    secret, request = digest(user, realm, password), digest(method, url)
    head = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{url}"'
    if "algorithm" in challenge:
        head += f", algorithm={algorithm}"
    if "opaque" in challenge:
        head += f', opaque="{challenge["opaque"]}"'
    if "auth" not in re.split(r"[\s,]+", challenge.get("qop", "")):
        return f'{head}, response="{digest(secret, nonce, request)}"'
    number, ours = f"{count:08x}", secrets.token_hex(8)
    response = digest(secret, nonce, number, ours, "auth", request)
    return f'{head}, qop=auth, nc={number}, cnonce="{ours}", response="{response}"'
