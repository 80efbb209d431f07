"""A link's token: the link's id and a keyed hash of it.

Nothing is stored: whoever reads the database cannot open a page, and a token can be made again for a copy
button or a message that is sent later. Revoking and expiry are the row's business.
"""

import base64
import hashlib
import hmac
import re

_FORM = re.compile(r"^([a-z0-9]{12})-([A-Za-z0-9_-]{22})$")


def make(link_id: str, *, secret: bytes) -> str:
    """Return the token of a link: ``<id>-<22 base64url characters>``, 128 bits of it secret."""
    return f"{link_id}-{_mac(link_id, secret)}"


def link_id(token: str, *, secret: bytes) -> str | None:
    """Return the id of the link a token opens, or None if it is none of ours. Takes the same time either
    way.
    """
    form = _FORM.match(token)
    if form is None:
        return None
    given, mac = form.groups()
    return given if hmac.compare_digest(mac, _mac(given, secret)) else None


def viewer(address: str, agent: str, *, secret: bytes) -> str:
    """Return 32 hex digits that tell viewers apart and cannot be turned back into an address."""
    message = f"packwitness/viewer/1\x00{address}\x00{agent}".encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:32]


def _mac(link_id: str, secret: bytes) -> str:
    mac = hmac.new(secret, f"packwitness/link/1\x00{link_id}".encode(), hashlib.sha256).digest()[:16]
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")
