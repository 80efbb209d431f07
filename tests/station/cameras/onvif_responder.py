"""A small ONVIF camera on 127.0.0.1, for what a well-behaved one does not do. The well-behaved one is ipycam
(`ipycam_alone`).

It was written from the ONVIF core and media specifications and from WS-Security: a letter is taken only if
its digest is right and its date, by the camera's own clock, is less than five seconds old.
"""

import base64
import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase

USER, PASSWORD = "admin", "geheim & <1>"
FRESH = timedelta(seconds=5)
HEAD = (
    '<?xml version="1.0"?><E:Envelope xmlns:E="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://www.onvif.org/ver10/device/wsdl" xmlns:m="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:n="http://www.onvif.org/ver20/media/wsdl" xmlns:s="http://www.onvif.org/ver10/schema"><E:Body>'
)
TAIL = "</E:Body></E:Envelope>"


@dataclass
class Camera:
    """`raw`: the answer to every request as it is, said to be coded as `coding`; `dribble`: a byte a tenth of
    a second; `dribble_head`: for four seconds nothing but heads of answers that are yet to come.
    """

    stream: str = "rtsp://127.0.0.1:554/main?channel=1&amp;subtype=0"
    media: str = "http://127.0.0.1/onvif/media"
    ahead: timedelta = timedelta()
    digest: bool = False
    newer: bool = False
    raw: bytes | None = None
    redirect: str = ""
    dribble: bool = False
    dribble_head: bool = False
    coding: str = ""
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/onvif/device_service"

    def dribbled(self, wfile: BufferedIOBase) -> bool:
        """False: nobody listens any more."""
        with suppress(OSError):
            for _ in range(40 if self.dribble_head else 0):
                wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                time.sleep(0.1)
            return True
        return False

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def takes(self, letter: str, headers: dict[str, str]) -> bool:
        if self.digest:
            return self._takes_digest(headers.get("Authorization", ""))
        found = re.search(r'Digest">([^<]+)<.*?Nonce[^>]*>([^<]+)<.*?Created>([^<]+)<', letter)
        if not found or f"<wsse:Username>{USER}<" not in letter:
            return False
        created = datetime.fromisoformat(found[3])
        sealed = base64.b64decode(found[2]) + found[3].encode() + PASSWORD.encode()
        right = hashlib.sha1(sealed).digest()  # noqa: S324 - as WS-Security says
        return base64.b64decode(found[1]) == right and abs(created - self.now()) < FRESH

    @staticmethod
    def _takes_digest(said: str) -> bool:
        told = dict(re.findall(r'(\w+)="?([^",]+)"?', said))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - as RFC 7616 says

        secret = md5(f"{USER}:camera:{PASSWORD}")
        request = md5(f"POST:{told.get('uri')}")
        middle = f"{told.get('nonce')}:{told.get('nc')}:{told.get('cnonce')}:auth"
        return told.get("response") == md5(f"{secret}:{middle}:{request}")

    def answer(self, letter: str) -> str:
        if "GetSystemDateAndTime" in letter:
            now = self.now()
            return (
                "<a:GetSystemDateAndTimeResponse><a:SystemDateAndTime><s:UTCDateTime>"
                f"<s:Time><s:Hour>{now.hour}</s:Hour><s:Minute>{now.minute}</s:Minute>"
                f"<s:Second>{now.second}</s:Second></s:Time><s:Date><s:Year>{now.year}</s:Year>"
                f"<s:Month>{now.month}</s:Month><s:Day>{now.day}</s:Day></s:Date></s:UTCDateTime>"
                "</a:SystemDateAndTime></a:GetSystemDateAndTimeResponse>"
            )
        if "GetServices" in letter:
            kinds = ["ver10", "ver20"] if self.newer else ["ver10"]
            rows = (
                f"<a:Service><a:Namespace>http://www.onvif.org/{kind}/media/wsdl</a:Namespace>"
                f"<a:XAddr>{self.media}/{kind}</a:XAddr></a:Service>"
                for kind in kinds
            )
            return f"<a:GetServicesResponse>{''.join(rows)}</a:GetServicesResponse>"
        if "GetDeviceInformation" in letter:
            return (
                "<a:GetDeviceInformationResponse><a:Manufacturer>Maker</a:Manufacturer><a:Model>M1</a:Model>"
                "</a:GetDeviceInformationResponse>"
            )
        if "tr2:GetProfiles" in letter:
            return f"<n:GetProfilesResponse>{self._newer_profile()}</n:GetProfilesResponse>"
        if "GetProfiles" in letter:
            return f"<m:GetProfilesResponse>{self._profile()}</m:GetProfilesResponse>"
        if "tr2:GetStreamUri" in letter:
            return f"<n:GetStreamUriResponse><n:Uri>{self.stream}</n:Uri></n:GetStreamUriResponse>"
        return (
            "<m:GetStreamUriResponse><m:MediaUri>"
            f"<s:Uri>{self.stream}</s:Uri></m:MediaUri></m:GetStreamUriResponse>"
        )

    @staticmethod
    def _profile() -> str:
        return (
            '<m:Profiles token="a&amp;b"><s:Name>main</s:Name><s:VideoSourceConfiguration token="v">'
            "<s:SourceToken>lens</s:SourceToken></s:VideoSourceConfiguration>"
            '<s:VideoEncoderConfiguration token="e">'
            "<s:Encoding>H264</s:Encoding><s:Resolution><s:Width>1280</s:Width><s:Height>720</s:Height>"
            "</s:Resolution><s:RateControl><s:FrameRateLimit>20</s:FrameRateLimit></s:RateControl>"
            "</s:VideoEncoderConfiguration></m:Profiles>"
            "<m:Profiles token='mute'><s:Name>no picture</s:Name></m:Profiles>"
        )

    @staticmethod
    def _newer_profile() -> str:
        return (
            '<n:Profiles token="p1"><n:Name>main</n:Name><n:Configurations><n:VideoSource token="v">'
            '<s:SourceToken>lens</s:SourceToken></n:VideoSource><n:VideoEncoder token="e"><s:Encoding>H265'
            "</s:Encoding><s:Resolution><s:Width>3840</s:Width><s:Height>2160</s:Height></s:Resolution>"
            "<s:RateControl><s:FrameRateLimit>12.5</s:FrameRateLimit></s:RateControl></n:VideoEncoder>"
            "</n:Configurations></n:Profiles>"
        )


@contextmanager
def responding(camera: Camera, host: str = "127.0.0.1") -> Iterator[Camera]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            letter = self.rfile.read(int(self.headers["Content-Length"])).decode()
            camera.asked.append(f"{self.path} {letter}")
            headers: dict[str, str] = dict(self.headers)
            if camera.redirect:
                self._say(307, b"", Location=camera.redirect)
            elif camera.raw is not None:
                self._say(200, camera.raw, **{"Content-Encoding": camera.coding or "identity"})
            elif "GetSystemDateAndTime" in letter or camera.takes(letter, headers):
                self._say(200, (HEAD + camera.answer(letter) + TAIL).encode())
            elif camera.digest:
                self._say(401, b"", **{"WWW-Authenticate": 'Digest realm="camera", nonce="n1", qop="auth"'})
            else:
                code = "<E:Fault><E:Code><E:Value>E:Sender</E:Value><E:Subcode><E:Value>ter:NotAuthorized"
                tail = "</E:Value></E:Subcode></E:Code></E:Fault>"
                self._say(400, (HEAD + code + tail + TAIL).encode())

        def _say(self, status: int, data: bytes, **headers: str) -> None:
            if not camera.dribbled(self.wfile):
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            step = 1 if camera.dribble else len(data) or 1
            try:
                for at in range(0, len(data), step):
                    self.wfile.write(data[at : at + step])
                    time.sleep(0.1 if camera.dribble else 0)
            except OSError:
                self.close_connection = True

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    camera.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield camera
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
