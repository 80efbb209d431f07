"""ONVIF's letters: SOAP 1.2 out, XML in. What comes in is a stranger's: it is limited before it is read.

No document type is accepted, so there are no entities to expand and nothing outside is fetched; size, depth
and number of elements are limited.
"""

import base64
import hashlib
import re
from datetime import datetime
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat
from xml.sax.saxutils import escape

SIZE_LIMIT = 256 << 10
"""Longest answer in bytes."""
DEPTH_LIMIT = 40
ELEMENT_LIMIT = 20_000
TEXT_LIMIT = 200
"""Longest name that is believed, in characters."""

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA_2 = "http://www.onvif.org/ver20/media/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
_SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"


class BadLetter(Exception):
    """What came is no XML that is read here."""


def read_xml(data: bytes) -> Element:
    """Return the root; names of elements are `{namespace}name`.

    Raises:
        BadLetter: too long, too deep, with a document type, or no XML.
    """
    if len(data) > SIZE_LIMIT:
        raise BadLetter(f"longer than {SIZE_LIMIT} bytes")
    builder = TreeBuilder()
    depth = count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > DEPTH_LIMIT or count > ELEMENT_LIMIT:
            raise BadLetter("more elements than an answer has")
        builder.start(_named(tag), attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_named(tag))

    def refuse(*_: object) -> None:
        raise BadLetter("it has a document type")

    # With a namespace's end as the separator "name" becomes "namespace}name".
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
        return builder.close()
    except expat.ExpatError as error:
        raise BadLetter(f"no XML: {expat.ErrorString(error.code)}") from None
    # TreeBuilder asserts where elements are missing.
    except (AssertionError, ValueError):
        raise BadLetter("no XML") from None


def _named(tag: str) -> str:
    return f"{{{tag}" if "}" in tag else tag


def text_of(element: Element, path: str) -> str:
    """The text at a path of names in any namespace (`A/B`), printable and not long; "" where there is
    none.
    """
    wanted = ".//" + "/".join(f"{{*}}{name}" for name in path.split("/"))
    text = element.findtext(wanted) or ""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:TEXT_LIMIT]


def number_of(element: Element, path: str) -> int:
    """The number at a path as `text_of` reads it, 0 where there is none; fractions are cut."""
    text = text_of(element, path)
    return int(float(text)) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text) else 0


def address_of(element: Element, path: str) -> str:
    """The address at a path, which may be longer than a name."""
    wanted = ".//" + "/".join(f"{{*}}{name}" for name in path.split("/"))
    return (element.findtext(wanted) or "").strip()[:2_000]


def envelope(body: str, *, security: str = "") -> bytes:
    """A SOAP 1.2 request. Both are XML; what a camera said is escaped by whoever puts it in."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="{DEVICE}" '
        f'xmlns:trt="{MEDIA}" xmlns:tr2="{MEDIA_2}" xmlns:tt="{SCHEMA}">'
        f"<s:Header>{security}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def username_token(user: str, password: str, *, nonce: bytes, created: datetime) -> str:
    """The security header with the password's digest (WS-Security UsernameToken Profile 1.0, section 3.1).

    `created` is by the *camera's* clock, else it takes the letter for an old one.
    """
    moment = f"{created:%Y-%m-%dT%H:%M:%S}.000Z"
    # SHA-1 is what the profile says.
    digest = hashlib.sha1(nonce + moment.encode() + password.encode(), usedforsecurity=False).digest()
    return (
        f'<wsse:Security xmlns:wsse="{_SECURITY}-wssecurity-secext-1.0.xsd" '
        f'xmlns:wsu="{_SECURITY}-wssecurity-utility-1.0.xsd" s:mustUnderstand="1"><wsse:UsernameToken>'
        f"<wsse:Username>{escape(user)}</wsse:Username>"
        f'<wsse:Password Type="{_SECURITY}-username-token-profile-1.0#PasswordDigest">'
        f"{base64.b64encode(digest).decode()}</wsse:Password>"
        f'<wsse:Nonce EncodingType="{_SECURITY}-soap-message-security-1.0#Base64Binary">'
        f"{base64.b64encode(nonce).decode()}</wsse:Nonce>"
        f"<wsu:Created>{moment}</wsu:Created></wsse:UsernameToken></wsse:Security>"
    )
