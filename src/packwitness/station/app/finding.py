"""``packwitness station cameras``: finds ONVIF cameras, says what each can, and writes them down if asked to.

Nothing is set in a camera. Passwords go into ``station.toml`` alone, which nobody else may read then.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from packwitness.station.cameras.onvif import (
    CLOCK_APART_S,
    Login,
    OnvifCamera,
    OnvifError,
    Profile,
    Unauthorised,
    with_login,
)
from packwitness.station.cameras.onvif_choice import choose
from packwitness.station.cameras.onvif_discovery import DEFAULT_PATH, SECONDS, Found, discover
from packwitness.station.config import Settings, SettingsError, parse_settings, toml_text
from packwitness.station.spool.layout import replace_durably

AT_ONCE = 16
HIDDEN = "PASSWORD"
"""What stands for the password where a person may look."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that was chosen; ``url`` holds no password. ``trouble``: why it cannot be taken."""

    profile: Profile
    url: str = ""
    trouble: str = ""

    @property
    def words(self) -> str:
        size = f"{self.profile.width}x{self.profile.height}"
        rate = f", {self.profile.rate} pictures/s" if self.profile.rate else ""
        return f"{self.profile.encoding} {size}{rate}"


@dataclass(frozen=True, slots=True)
class Lens:
    """What one picture of a camera can be filmed and looked at by."""

    film: Stream
    look: Stream | None


@dataclass(frozen=True, slots=True)
class Heard:
    """What one camera said. ``trouble``: why it said no more; ``clock_s``: its clock minus ours, None if
    unknown.
    """

    url: str
    name: str
    clock_s: float | None = None
    lenses: tuple[Lens, ...] = ()
    trouble: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


def find(addresses: Sequence[str], login: Login, *, seconds: float = SECONDS) -> list[Heard]:
    """Ask the cameras at ``addresses``, or without a login all that answer in this network, and return what
    they say.
    """
    if not addresses:
        login = Login()  # a stranger that answers could guess the password from its digest
    hosts = [address for address in addresses if "/" not in address and ":" not in address]
    found = discover(hosts, seconds=seconds) if hosts or not addresses else []
    if hosts:  # an address of many, such as multicast's, names nobody
        named = {name for host in hosts for name in _names(host)}
        found = [one for one in found if urlsplit(one.url).hostname in named]
    answered = {urlsplit(one.url).hostname for one in found}
    for address in addresses:
        url = address if "://" in address else f"http://{address}{DEFAULT_PATH}"
        # One that says nothing by datagram may yet answer: routers and firewalls keep those away.
        if address not in hosts or not answered & _names(address):
            found.append(Found(url))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda one: ask(one, login), found))


def ask(found: Found, login: Login) -> Heard:
    """Ask one camera; a camera's refusal is part of the answer."""
    name, offset = found.name, None
    try:
        with OnvifCamera(found.url, login) as camera:
            offset = camera.clock().offset_s
            with suppress(OnvifError):
                name = camera.model() or name
            lenses = [
                Lens(_stream(camera, choice.film), _stream(camera, choice.look) if choice.look else None)
                for choice in choose(camera.profiles())
            ]
    except OnvifError as error:
        return Heard(found.url, name, offset, trouble=str(error))
    return Heard(found.url, name, offset, tuple(lenses))


def _stream(camera: OnvifCamera, profile: Profile) -> Stream:
    try:
        return Stream(profile, camera.stream(profile))
    except Unauthorised:
        raise
    except OnvifError as error:
        return Stream(profile, trouble=str(error))


def _names(host: str) -> set[str | None]:
    """A host's name and its addresses."""
    # Only this function looks names up.
    import socket

    with suppress(OSError):
        return {host, *(str(one[4][0]) for one in socket.getaddrinfo(host, None, socket.AF_INET))}
    return {host}


def describe(cameras: Sequence[Heard], settings: Settings | None) -> str:
    """Return what was found as text, without passwords."""
    lines: list[str] = []
    for camera in cameras:
        lines.append(f"{camera.host}  {camera.name or 'a camera that does not say its name'}")
        if camera.clock_s is not None and abs(camera.clock_s) >= CLOCK_APART_S:
            way = "ahead" if camera.clock_s > 0 else "behind"
            lines.append(
                f"    clock: {abs(camera.clock_s):.0f} s {way} of this computer's; set it in the camera, or "
                "its picture shows a wrong time"
            )
        if camera.trouble:
            lines.append(f"    {camera.trouble}")
        elif not camera.lenses:
            lines.append("    It gives neither H.264 nor H.265: set one of them on its web page.")
        for lens in camera.lenses:
            lines += [f"    film: {lens.film.words}", f"          {lens.film.url or lens.film.trouble}"]
            if lens.look:
                lines += [f"    look: {lens.look.words}", f"          {lens.look.url or lens.look.trouble}"]
            else:
                lines.append("    look: in the film; it has no smaller stream in which codes can be read")
        known = settings and [one.id for one in settings.cameras if urlsplit(one.url).hostname == camera.host]
        if known:
            lines.append(f"    in station.toml as {', '.join(known)}")
    return "\n".join(lines)


def snippet(
    cameras: Sequence[Heard], login: Login, *, settings: Settings | None, bench: str | None
) -> tuple[str, list[str]]:
    """Return lines for ``station.toml`` that add the cameras which are not in it yet, and their ids."""
    taken = {one.id for one in settings.cameras} if settings else set()
    known = {urlsplit(one.url).hostname for one in settings.cameras} if settings else set()
    free = (name for number in range(1, 10_000) if (name := f"camera-{number}") not in taken)
    text, ids = "", []
    for camera in cameras:
        for lens in camera.lenses if camera.host not in known else ():
            if not lens.film.url:
                continue
            ids.append(next(free))
            text += f'\n[[cameras]]\nid = "{ids[-1]}"\n'
            text += f"name = {toml_text((camera.name or camera.host)[:100])}\n"
            if bench:
                text += f"bench = {toml_text(bench)}\n"
            text += f"url = {toml_text(with_login(lens.film.url, login))}\n"
            if lens.look and lens.look.url:
                text += f"look = {toml_text(with_login(lens.look.url, login))}\n"
    return text, ids


def write(path: Path, more: str) -> None:
    """Add lines to ``station.toml``, whole or not at all, readable by its owner alone from now on.

    Raises:
        SettingsError: the outcome would be no settings, and nothing was written.
        OSError: the disk refuses.
    """
    before = path.read_text(encoding="utf-8")
    after = f"{before.rstrip()}\n{more}"
    try:
        parse_settings(after)
    except SettingsError as error:
        raise SettingsError(
            f"Nothing was written: with these cameras {path} could not be read ({error})"
        ) from error
    owner = path.stat()
    replace_durably(path, after.encode(), mode=0o600)
    # Whoever runs the station must be able to read it, also if somebody else wrote.
    if (owner.st_uid, owner.st_gid) != (os.getuid(), os.getgid()):
        os.chown(path, owner.st_uid, owner.st_gid)
