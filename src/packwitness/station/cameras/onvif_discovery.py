"""WS-Discovery: who in this network is an ONVIF camera. One question by multicast, answers for a while.

Whoever answers is a stranger. Of an answer only the path to the camera's services is taken, never the host:
the camera is where the answer came from.
"""

import socket
import struct
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from packwitness.station.cameras.onvif_soap import TEXT_LIMIT, BadLetter, address_of, read_xml

GROUP, PORT = "239.255.255.250", 3702
SECONDS = 3.0
"""How long answers are waited for: a camera may take half a second of its own choice before it answers."""
ANSWER_BYTES = 65_535
CAMERAS = 256
"""Most cameras that are listened to."""
DEFAULT_PATH = "/onvif/device_service"
AGAIN_SECONDS = 0.7
"""The question is asked twice, since a datagram may be lost."""

_PROBE = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
    'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header>'
    "<w:MessageID>uuid:{number}</w:MessageID>"
    '<w:To e:mustUnderstand="true">urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>'
    '<w:Action e:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action>'
    "</e:Header><e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body>"
    "</e:Envelope>"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A camera that answered: where its device service is, and what it calls itself ("" if it does not
    say).
    """

    url: str
    name: str = ""


def discover(hosts: Iterable[str] = (), *, seconds: float = SECONDS, port: int = PORT) -> list[Found]:
    """Ask everybody in this machine's networks, or `hosts` alone (which may lie behind a router), and return
    who answered, each once, ordered by address. Takes `seconds`.
    """
    named = list(hosts)
    number = str(uuid.uuid4())
    question = _PROBE.format(number=number).encode()
    found: dict[str, Found] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        began = time.monotonic()
        asked = 0
        while (left := began + seconds - time.monotonic()) > 0 and len(found) < CAMERAS:
            if asked < 2 and time.monotonic() - began >= asked * AGAIN_SECONDS:
                _ask(asking, question, named, port)
                asked += 1
            asking.settimeout(min(left, AGAIN_SECONDS))
            # An address where nobody listens comes back as an error of the next reading.
            with suppress(TimeoutError, OSError):
                data, sender = asking.recvfrom(ANSWER_BYTES)
                if one := read_answer(data, sender[0], number=number):
                    found.setdefault(one.url, one)
    return [found[url] for url in sorted(found)]


def _ask(asking: socket.socket, question: bytes, hosts: list[str], port: int) -> None:
    if hosts:
        for host in hosts:
            with suppress(OSError):  # one that cannot be reached keeps nobody from being asked
                asking.sendto(question, (host, port))
        return
    for index, _ in socket.if_nameindex():
        # struct ip_mreqn: a machine with two networks asks in both, cameras are often in the second.
        with suppress(OSError):
            choice = struct.pack("=4s4si", socket.inet_aton(GROUP), b"\0" * 4, index)
            asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, choice)
            asking.sendto(question, (GROUP, port))


def read_answer(data: bytes, sender: str, *, number: str) -> Found | None:
    """Return the camera that an answer to question `number` from `sender` tells of; None if it is none."""
    try:
        letter = read_xml(data)
    except BadLetter:
        return None
    relates = address_of(letter, "RelatesTo").rpartition(":")[2]
    match = letter.find(".//{*}ProbeMatch")
    if match is None or relates != number:
        return None
    # The types are names with prefixes, which each camera chooses for itself.
    kinds = {kind.rpartition(":")[2] for kind in address_of(match, "Types").split()}
    if kinds and not kinds & {"NetworkVideoTransmitter", "Device"}:
        return None
    scopes = address_of(match, "Scopes").split()
    return Found(_device_url(address_of(match, "XAddrs").split(), sender), _name(scopes))


def _device_url(addresses: list[str], sender: str) -> str:
    """Where the device service is, at the sender: with the port and path that it gives for itself, if it
    does so by this address.
    """
    parts: list[tuple[bool, str, int | None, str]] = []
    for address in addresses:
        with suppress(ValueError):
            one = urlsplit(address)
            if one.scheme in ("http", "https") and one.hostname:
                # Without its slash a path would go on with the host that it is put behind.
                path = f"/{one.path.lstrip('/')}" if one.path else DEFAULT_PATH
                parts.append((one.hostname != sender, one.scheme, one.port, path))
    if not parts:
        return f"http://{sender}{DEFAULT_PATH}"
    _, scheme, port, path = min(parts, key=lambda part: part[0])
    return f"{scheme}://{sender}{f':{port}' if port else ''}{path}"


def _name(scopes: list[str]) -> str:
    """The name among the scopes, such as `onvif://www.onvif.org/name/Bench%20camera`."""
    for scope in scopes:
        _, found, name = scope.partition("onvif://www.onvif.org/name/")
        if found:
            return "".join(letter for letter in unquote(name) if letter.isprintable())[:TEXT_LIMIT]
    return ""
