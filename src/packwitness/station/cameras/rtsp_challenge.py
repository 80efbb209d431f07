"""How a camera wants to be told the password (RFC 7616, 7617)."""

import hashlib
import re

SUPPORTED_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


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
