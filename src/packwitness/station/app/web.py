"""The kiosk's web server, in the station's own event loop."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp

from packwitness.station.config import Settings
from packwitness.station.kiosk.door import LOOPBACK


class KioskServer(uvicorn.Server):
    """Serves until ``should_exit``; signals are the station's to handle."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    listener.setblocking(False)
    return listener


def server_for(app: ASGIApp) -> KioskServer:
    """Return a server for the kiosk; open pages are let go within a second of its end."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        ws="websockets-sansio",
    )
    return KioskServer(config)


def hosts_of(settings: Settings) -> list[str]:
    """Return the names by which the kiosk may be opened."""
    names = [*LOOPBACK, *settings.kiosk.names]
    if settings.kiosk.host not in ("0.0.0.0", "::", *names):  # noqa: S104 - compared with, not bound to
        names.append(settings.kiosk.host)
    return [name.lower() for name in names]


def languages_of(settings: Settings) -> list[str]:
    """Return the kiosk's languages, that of the settings first: it is shown to whoever names none."""
    return sorted(("en", "ko"), key=lambda language: language != settings.language)


def picture_origins_of(settings: Settings) -> list[str]:
    """Return where product pictures may come from: the hub, and what the settings add."""
    hub = urlsplit(settings.hub.url)
    return [f"{hub.scheme}://{hub.netloc}", *settings.kiosk.picture_origins]
