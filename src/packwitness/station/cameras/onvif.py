"""What an ONVIF camera says of itself: its clock, its streams, and where they are.

A camera is asked, never set. Everything it says is limited in size and time, and it cannot send us, nor the
password, anywhere else: requests go to the host that was asked, whatever addresses it names, and a stream
that is said to be at another host is not taken (`StreamElsewhere`).

The password never travels as it is: it goes as a digest in the letter (WS-Security), or, where the camera
wants that, as HTTP Digest. A camera judges a letter's age by its own clock, so that is asked first.
"""

import secrets
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import quote, urlsplit, urlunsplit
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

import httpx2

from packwitness.station.cameras.onvif_soap import (
    DEVICE,
    MEDIA,
    MEDIA_2,
    SIZE_LIMIT,
    BadLetter,
    address_of,
    envelope,
    number_of,
    read_xml,
    text_of,
    username_token,
)

SECONDS = 5.0
"""How long one answer may take, from the first byte asked to the last answered."""
PROFILES = 128
CLOCK_LIMIT = timedelta(days=36_525)
"""A clock further away is not believed; one that lost its battery begins in 1970."""
CLOCK_APART_S = 5.0
"""From here on a camera's clock may be why it does not take a password."""


class OnvifError(Exception):
    """The camera cannot be asked; the text says why and what to do. It quotes no password."""


class Unauthorised(OnvifError):
    """Wrong user name or password, or none given."""


class StreamElsewhere(OnvifError):
    """The camera says that its stream is at another host."""


@dataclass(frozen=True, slots=True)
class Login:
    """User name and password; none where the user is ""."""

    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return "Login(…)"


@dataclass(frozen=True, slots=True)
class Profile:
    """One of a camera's streams. `source` tells apart the lenses of a camera, or the cameras of an NVR;
    `rate` is in pictures a second, 0 if the camera does not say it.
    """

    token: str
    name: str
    source: str
    encoding: str
    width: int
    height: int
    rate: int


@dataclass(frozen=True, slots=True)
class Clock:
    """`offset_s`: the camera's clock minus ours; None where it does not tell it."""

    offset_s: float | None


class OnvifCamera:
    """One camera's services. Leave it with `with`; not for two threads."""

    def __init__(self, url: str, login: Login = Login(), *, seconds: float = SECONDS) -> None:
        """`url`: of the device service.

        Raises:
            OnvifError: it is none.
        """
        try:
            self._base = httpx2.URL(url)
        except httpx2.InvalidURL:
            raise OnvifError("This is no camera's address. It looks like 192.168.1.20.") from None
        if self._base.scheme not in ("http", "https") or not self._base.host:
            raise OnvifError("This is no camera's address. It looks like 192.168.1.20.")
        if self._base.userinfo:  # the HTTP client would send it as it is, with the first letter
            raise OnvifError("An address holds no user name and password here: give --user NAME beside it.")
        self.host = self._base.host
        self._there = f"The camera at {self.host}"
        self._login = login
        self._seconds = seconds
        self._digest: httpx2.DigestAuth | None = None
        self._offset = timedelta()
        self._media: tuple[str, str] | None = None
        self._socket: socket.socket | None = None
        # No proxy of the environment: cameras are in this network.
        self._client = httpx2.Client(timeout=seconds, follow_redirects=False, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    # --- what it can be asked ---

    def clock(self) -> Clock:
        """Ask the time, without a password if it goes; further letters are dated by it."""
        before = datetime.now(UTC)
        try:
            answer = self._ask("", f'<tds:GetSystemDateAndTime xmlns:tds="{DEVICE}"/>', openly=True)
        except Unauthorised:
            return Clock(None)
        middle = before + (datetime.now(UTC) - before) / 2
        utc = answer.find(".//{*}UTCDateTime")
        if utc is None:
            return Clock(None)
        try:
            year, month, day = (number_of(utc, f"Date/{name}") for name in ("Year", "Month", "Day"))
            hour, minute, second = (number_of(utc, f"Time/{name}") for name in ("Hour", "Minute", "Second"))
            told = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
            # It tells whole seconds, cut: on average half of one less than the truth.
            offset = told + timedelta(seconds=0.5) - middle
        except (ValueError, OverflowError):
            return Clock(None)
        if abs(offset) > CLOCK_LIMIT:
            return Clock(None)
        self._offset = offset
        return Clock(round(self._offset.total_seconds(), 1))

    def model(self) -> str:
        """Maker and model, as far as the camera says them."""
        answer = self._ask("", "<tds:GetDeviceInformation/>")
        return f"{text_of(answer, 'Manufacturer')} {text_of(answer, 'Model')}".strip()

    def profiles(self) -> list[Profile]:
        """Return its streams, in its own order.

        Raises:
            OnvifError: see there.
        """
        services = self._services()
        # The older service does not speak of H.265; a camera that fails to answer the newer has the older.
        if MEDIA_2 in services:
            with suppress(OnvifError):
                answer = self._ask(
                    services[MEDIA_2], "<tr2:GetProfiles><tr2:Type>All</tr2:Type></tr2:GetProfiles>"
                )
                found = [_profile(one, "VideoEncoder", "VideoSource") for one in _all(answer, "Profiles")]
                if any(profile.encoding for profile in found):
                    self._media = (services[MEDIA_2], "tr2")
                    return [profile for profile in found if profile.encoding]
        path = services.get(MEDIA, "")
        answer = self._ask(path, "<trt:GetProfiles/>")
        self._media = (path, "trt")
        found = [
            _profile(one, "VideoEncoderConfiguration", "VideoSourceConfiguration")
            for one in _all(answer, "Profiles")
        ]
        return [profile for profile in found if profile.encoding]

    def stream(self, profile: Profile) -> str:
        """Return the `rtsp://` address of a stream, without user name and password.

        Raises:
            StreamElsewhere: it is said to be at another host.
            OnvifError: see there.
        """
        path, prefix = self._media or ("", "trt")
        token = escape(profile.token)
        if prefix == "tr2":
            body = (
                "<tr2:GetStreamUri><tr2:Protocol>RTSP</tr2:Protocol>"
                f"<tr2:ProfileToken>{token}</tr2:ProfileToken></tr2:GetStreamUri>"
            )
        else:
            body = (
                "<trt:GetStreamUri><trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream>"
                "<tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport></trt:StreamSetup>"
                f"<trt:ProfileToken>{token}</trt:ProfileToken></trt:GetStreamUri>"
            )
        answer = self._ask(path, body)
        return self._stream_address(address_of(answer, "Uri"))

    def _stream_address(self, told: str) -> str:
        try:
            parts = urlsplit(told)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise OnvifError(f"{self._there} names no address of its stream that can be read.") from None
        if parts.scheme not in ("rtsp", "rtsps") or not host or not told.isprintable():
            raise OnvifError(f"{self._there} names no address of its stream that can be read.")
        if host != self.host.lower() and host not in _addresses(self.host):
            raise StreamElsewhere(
                f"{self._there} says that its stream is at {host}, which is another host; the password is "
                f"not sent there. If that is the camera, ask it there: packwitness station cameras {host}"
            )
        netloc = f"[{host}]" if ":" in host else host
        return urlunsplit((parts.scheme, f"{netloc}:{port}" if port else netloc, parts.path, parts.query, ""))

    def _services(self) -> dict[str, str]:
        """Return the paths of its services by namespace; older cameras know capabilities only."""
        with suppress(OnvifError):
            answer = self._ask(
                "",
                "<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>",
            )
            found = {
                address_of(one, "Namespace"): _path(address_of(one, "XAddr"))
                for one in _all(answer, "Service")
            }
            if MEDIA in found or MEDIA_2 in found:
                return found
        answer = self._ask(
            "", "<tds:GetCapabilities><tds:Category>Media</tds:Category></tds:GetCapabilities>"
        )
        return {MEDIA: _path(address_of(answer, "Media/XAddr"))}

    # --- how it is asked ---

    def _ask(self, path: str, body: str, *, openly: bool = False) -> Element:
        """Send a letter to a service at `path` of this host ("": the device service), return its answer.

        `openly`: first without the password.

        Raises:
            Unauthorised, OnvifError.
        """
        if openly:
            with suppress(Unauthorised):
                return self._read(*self._send(path, envelope(body)))
        if not self._login.user:
            return self._read(*self._send(path, envelope(body)))
        if self._digest is None:
            status, headers, data = self._send(path, envelope(body, security=self._token()))
            challenge = headers.get("www-authenticate", "")
            if status != 401 or "digest" not in challenge.lower():
                return self._read(status, headers, data)
            self._digest = httpx2.DigestAuth(self._login.user, self._login.password)
        return self._read(*self._send(path, envelope(body), auth=self._digest))

    def _token(self) -> str:
        return username_token(
            self._login.user,
            self._login.password,
            nonce=secrets.token_bytes(16),
            created=datetime.now(UTC) + self._offset,
        )

    def _send(
        self, path: str, letter: bytes, *, auth: httpx2.DigestAuth | None = None
    ) -> tuple[int, httpx2.Headers, bytes]:
        # Unpacked a small answer may be endless, so none is asked for packed, and none is unpacked.
        headers = {"Content-Type": "application/soap+xml; charset=utf-8", "Accept-Encoding": "identity"}
        # The client's own limit begins anew with each byte that comes.
        over = threading.Event()
        ending = threading.Timer(self._seconds, self._hang_up, [over])
        ending.daemon = True
        ending.start()
        try:
            url = self._base.join(path) if path else self._base
            with self._client.stream(
                "POST", url, content=letter, headers=headers, auth=auth, extensions={"trace": self._note}
            ) as answer:
                data = bytearray()
                for piece in answer.iter_raw():
                    data += piece
                    if len(data) > SIZE_LIMIT:
                        raise OnvifError(f"{self._there} answers with more than {SIZE_LIMIT} bytes.")
                if over.is_set():
                    raise OnvifError(f"{self._there} takes longer than {self._seconds:g} s to answer.")
                return answer.status_code, answer.headers, bytes(data)
        except httpx2.TimeoutException:
            raise OnvifError(f"{self._there} does not answer.") from None
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, ValueError) as error:
            if over.is_set():
                raise OnvifError(f"{self._there} takes longer than {self._seconds:g} s to answer.") from None
            raise OnvifError(
                f"{self._there} cannot be asked ({type(error).__name__}). Is ONVIF switched on in it, and at "
                "this port?"
            ) from None
        finally:
            ending.cancel()

    def _note(self, event: str, told: dict[str, Any]) -> None:
        """Remember the socket of the connection that is made."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = told["return_value"].get_extra_info("socket")

    def _hang_up(self, over: threading.Event) -> None:
        """End the connection under whoever reads from it, in another thread."""
        over.set()
        if self._socket is not None:
            with suppress(OSError):
                # Not TLS's own, which is not for two threads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _read(self, status: int, headers: httpx2.Headers, data: bytes) -> Element:
        try:
            letter = read_xml(data)
        except BadLetter as error:
            if status in (401, 403):
                raise self._unauthorised() from None
            raise OnvifError(
                f"{self._there} does not speak ONVIF (status {status}; {error}). Many cameras have to be "
                "told to, and want an ONVIF user of their own, on their web page."
            ) from None
        fault = letter.find(".//{*}Fault")
        said = f"{text_of(letter, 'Subcode/Value')} {text_of(letter, 'Reason/Text')}".strip()
        if status in (401, 403) or (fault is not None and "authorized" in said.lower()):
            raise self._unauthorised()
        if fault is not None or not 200 <= status < 300:
            raise OnvifError(f"{self._there} refuses (status {status}): {said or 'it does not say why'}.")
        return letter

    def _unauthorised(self) -> Unauthorised:
        if not self._login.user:
            return Unauthorised(
                f"{self._there} wants a user name and password. If you know it, name its address to log in: "
                f"packwitness station cameras {self.host} --user NAME"
            )
        text = (
            f"{self._there} does not take this user name and password. Many cameras keep users for ONVIF of "
            "their own: look on its web page."
        )
        apart = self._offset.total_seconds()
        if abs(apart) >= CLOCK_APART_S:
            text += f" Its clock is {abs(apart):.0f} s {'ahead' if apart > 0 else 'behind'}; set it, too."
        return Unauthorised(text)


def with_login(url: str, login: Login) -> str:
    """A stream's address with user name and password in it, as `station.toml` keeps it."""
    if not login.user:
        return url
    parts = urlsplit(url)
    who = f"{quote(login.user, safe='')}:{quote(login.password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{who}@{parts.netloc}"))


def _addresses(host: str) -> set[str]:
    """The IP addresses of a host's name."""
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except OSError:
        return set()


def _all(element: Element, name: str) -> list[Element]:
    return element.findall(f".//{{*}}{name}")[:PROFILES]


def _path(address: str) -> str:
    """Path and query of a service's address; its host is not asked for, for it is the camera's own."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return urlunsplit(("", "", f"/{parts.path.lstrip('/')}", parts.query, "")) if parts.path else ""


def _profile(element: Element, encoder: str, source: str) -> Profile:
    """Read a profile; `encoding` is "" where it has no picture."""
    coded = element.find(f".//{{*}}{encoder}")
    seen = element.find(f".//{{*}}{source}")
    token = element.get("token", "")[:200]
    name = text_of(element, "Name")
    where = text_of(seen, "SourceToken") if seen is not None else ""
    if coded is None:
        return Profile(token, name, where, "", 0, 0, 0)
    return Profile(
        token=token,
        name=name,
        source=where,
        encoding=text_of(coded, "Encoding").upper(),
        width=number_of(coded, "Resolution/Width"),
        height=number_of(coded, "Resolution/Height"),
        rate=number_of(coded, "RateControl/FrameRateLimit"),
    )
