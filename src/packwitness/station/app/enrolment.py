"""Making this machine a station of a hub: a key of its own, a one-time code, and what the hub answers."""

import os
import secrets
import socket
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from packwitness import __version__
from packwitness.evidence.canonical import canonical
from packwitness.evidence.certificates import find_chain
from packwitness.evidence.errors import EvidenceError
from packwitness.evidence.keys import SigningKey
from packwitness.evidence.statements import Statement
from packwitness.protocol import Enrolled, EnrolRequest
from packwitness.station.config import BenchSettings, HubSettings, render
from packwitness.station.spool.hub import Hub, HubAway, HubRefused, Unauthorised
from packwitness.station.spool.layout import Layout, make_folder, replace_durably
from packwitness.station.spool.moments import from_ms
from packwitness.station.spool.recovery import create_spool


class EnrolmentFailed(Exception):
    """Nothing was enrolled; the text says what to do."""


async def enrol(*, root: Path, url: str, code: str, insecure: bool, utc_ms: int) -> Enrolled:
    """Enrol this machine and write its data folder; return what the hub answered.

    ``station.toml`` is written last: a folder that has it is a whole station.

    Raises:
        EnrolmentFailed: there is a station already, or the hub cannot be reached or says no.
    """
    layout = Layout(root)
    if layout.settings.exists():
        raise EnrolmentFailed(
            f"{root} is enrolled already ({layout.settings}). "
            "Give another folder with --data, or move this one away: its key and films would be lost."
        )
    if layout.takes.exists() and any(path.is_dir() for path in layout.takes.iterdir()):
        raise EnrolmentFailed(
            f"{layout.takes} holds films of an earlier station. Give another folder with --data."
        )
    refuse_clear_text(url, insecure=insecure)
    key = _key(layout)
    answer = await _ask(url, code, key)
    _check(answer, key, utc_ms)
    _write(layout, url, answer)
    return answer


def refuse_clear_text(url: str, *, insecure: bool) -> None:
    """Let nobody send the token in the clear by accident.

    Raises:
        EnrolmentFailed: no http(s) address, or http to another machine without ``insecure``.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EnrolmentFailed(f"'{url}' is no hub's address. It looks like https://hub.example.com.")
    if parts.scheme == "http" and not insecure and not is_loopback(parts.hostname):
        raise EnrolmentFailed(
            f"{url} is not encrypted: films and this station's token would travel in the clear. "
            "Use the hub's https:// address, or --insecure if the network between is yours alone."
        )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False


def _key(layout: Layout) -> SigningKey:
    """Return the station's key, made now unless an earlier try left one. The private half never leaves the
    folder.
    """
    with suppress(FileNotFoundError):
        return SigningKey.load(layout.key.read_bytes())
    key = SigningKey.generate()
    make_folder(layout.key.parent)
    os.chmod(layout.key.parent, 0o700)
    replace_durably(layout.key, key.pem(), mode=0o600)
    return key


async def _ask(url: str, code: str, key: SigningKey) -> Enrolled:
    if not 8 <= len(code) <= 64:
        raise EnrolmentFailed(
            "An enrolment code has 8 to 64 characters. Copy it whole from the hub, under Benches."
        )
    request = EnrolRequest(
        code=code,
        public_key=key.public.text,
        host_name=socket.gethostname()[:200],
        software=f"packwitness {__version__}",
    )
    try:
        async with Hub(url, token="") as hub:
            return await hub.enrol(request)
    except HubAway as error:
        raise EnrolmentFailed(
            f"No hub answers at {url} ({error}). "
            "Check the address, that the hub runs, and the network between."
        ) from error
    except (HubRefused, Unauthorised) as error:
        if isinstance(error, HubRefused) and error.problem.code == "enrolment_code_invalid":
            raise EnrolmentFailed(
                "The hub does not take this code: it was used before, has expired, or never was. "
                "Make a new one in the hub, under Benches."
            ) from error
        raise EnrolmentFailed(f"The hub at {url} refuses: {error}") from error


def _check(answer: Enrolled, key: SigningKey, utc_ms: int) -> None:
    """See that the certificates make our key this station's and the hub's key the hub's, before anything
    rests on it.
    """
    moment = from_ms(utc_ms)
    try:
        certificates = [Statement.from_value(value) for value in answer.certificates]
        find_chain(
            certificates,
            key=key.public.key_id,
            kind="station",
            organisation=answer.organisation_id,
            moment=moment,
        )
        find_chain(
            certificates, key=answer.hub_key, kind="hub", organisation=answer.organisation_id, moment=moment
        )
    except EvidenceError as error:
        raise EnrolmentFailed(
            f"The hub's certificates do not hold ({error}). "
            f"Is this computer's clock right? It says {moment:%Y-%m-%d %H:%M} UTC."
        ) from error


def _write(layout: Layout, url: str, answer: Enrolled) -> None:
    # A crash may have left what an earlier try wrote; without station.toml it was no station.
    for path in (*layout.root.glob("ledger.sqlite3*"), layout.spool_id):
        path.unlink(missing_ok=True)
    create_spool(layout).close()
    replace_durably(layout.certificates, canonical(answer.certificates))
    replace_durably(layout.token, answer.token.encode(), mode=0o600)
    replace_durably(layout.trigger_token, secrets.token_urlsafe(24).encode(), mode=0o600)
    hub = HubSettings(
        url=url.rstrip("/"),
        organisation=answer.organisation_id,
        organisation_name=answer.organisation_name,
        station=answer.station_id,
        station_name=answer.station_name,
        key=answer.hub_key,
    )
    benches = [BenchSettings(id=bench.id, name=bench.name) for bench in answer.benches]
    # Last, and whole or not at all: a folder that has it counts as enrolled, and the code is spent.
    replace_durably(layout.settings, render(hub, benches).encode(), mode=0o600)
