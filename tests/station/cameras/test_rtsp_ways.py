"""How pictures come: in datagrams, over TLS, from cameras with ways of their own."""

import datetime
import hashlib
import ipaddress
import random
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from packwitness.station.cameras.camera import (
    BadAddress,
    BadCertificate,
    CameraClock,
    CameraPacket,
    NoFrames,
    NoKeyframe,
    Refused,
    StreamInfo,
    TimedOut,
    UnknownHost,
    Unreachable,
)
from packwitness.station.cameras.reorder import Reorder
from packwitness.station.cameras.rtsp import RtspCamera
from packwitness.station.recorder import nal
from tests.station.cameras.rtsp_server import answering
from tests.station.cameras.scripted_camera import Item, Script, playing
from tests.station.cameras.test_rtcp import sender_report
from tests.station.cameras.test_rtp import PICTURES, WHOLE, rtp, sent

SDP = (
    "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=control:video\r\n"
)


def film(packets: Sequence[bytes]) -> list[Item]:
    return [("video", packet) for packet in packets]


def pictures(camera: RtspCamera, count: int) -> tuple[list[CameraPacket], list[CameraClock]]:
    """The first pictures that come, and what the camera's clock said till then."""
    stop = threading.Event()
    found: list[CameraPacket] = []
    clocks: list[CameraClock] = []
    for item in camera.stream(stop):
        if isinstance(item, CameraPacket):
            found.append(item)
        elif isinstance(item, CameraClock):
            clocks.append(item)
        if len(found) == count:
            stop.set()
    return found, clocks


def units(packets: Sequence[CameraPacket]) -> list[list[bytes]]:
    return [nal.prefixed_units(packet.data) for packet in packets]


def shaken(packets: Sequence[bytes]) -> list[bytes]:
    """As a network may bring them: some a few places early or late, some twice."""
    rng = random.Random(3)
    order = sorted(range(1, len(packets)), key=lambda place: place + rng.uniform(0, 5))
    shuffled = [packets[0], *[packets[place] for place in order]]
    return [packet for packet in shuffled for _ in range(rng.choice((1, 1, 2)))]


@pytest.mark.parametrize("asked", ["", "#transport=udp"])
def test_datagrams_in_any_order(asked: str) -> None:
    packets = sent(PICTURES, sequence=65_530)
    script = Script(SDP, film(shaken(packets)), tcp=False)
    with playing(script) as port:
        found, _ = pictures(RtspCamera(f"rtsp://127.0.0.1:{port}/live{asked}"), 4)
    assert units(found) == WHOLE
    assert [(picture.key, picture.lost) for picture in found] == [(True, 0)] + [(False, 0)] * 3
    setups = [request for request in script.asked if request.startswith("SETUP")]
    # Without being asked for, UDP comes only after the camera refused TCP.
    assert ["client_port" in request for request in setups] == ([True] if asked else [False, True])


def test_lost_datagrams_are_counted_and_reported() -> None:
    packets = sent([*PICTURES, [b"\x41\x80last"]])
    lost = len(PICTURES[0]) + 1
    items: list[Item] = [*film(packets[:lost] + packets[lost + 1 :]), 1.2, ("video", packets[-1])]
    script = Script(SDP, items, timeout=2)
    with playing(script) as port:
        found, _ = pictures(RtspCamera(f"rtsp://127.0.0.1:{port}/live#transport=udp"), 4)
        began = time.monotonic()
        while not any(len(report) == 32 for report in script.reports) and time.monotonic() - began < 5:
            camera = RtspCamera(f"rtsp://127.0.0.1:{port}/live#transport=udp", silence_seconds=1.5)
            with pytest.raises(Exception, match="silent"):
                pictures(camera, 5)
    assert units(found) == [WHOLE[0], *WHOLE[2:], [b"\x41\x80last"]]
    assert [picture.lost for picture in found] == [0, 1, 0, 0]
    report = next(report for report in script.reports if len(report) == 32)
    assert int.from_bytes(report[13:16], "big") == 1


def test_others_datagrams_are_not_taken() -> None:
    script = Script(SDP, [0.3, *film(sent(PICTURES))])
    with playing(script) as port:
        stop = threading.Event()
        items = RtspCamera(f"rtsp://127.0.0.1:{port}/live#transport=udp").stream(stop)
        next(items)
        asked = next(request for request in script.asked if "client_port" in request)
        target = int(asked.partition("client_port=")[2].partition("-")[0])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.2", 0))
            stranger.sendto(rtp(b"\x65\x88forged", 50, 5, marker=True), ("127.0.0.1", target))
            stranger.sendto(b"x", ("127.0.0.1", target))
        found = [next(items) for _ in range(4)]
        stop.set()
        assert list(items) == []
    assert units([one for one in found if isinstance(one, CameraPacket)]) == WHOLE


def test_put_in_order() -> None:
    packets = [rtp(b"x", number, 0) for number in range(65_533, 65_533 + 8)]
    reorder = Reorder(wait_ns=100)
    assert reorder.push(packets[0], 0) == [packets[0]]
    assert reorder.push(packets[2], 10) == []
    assert reorder.push(packets[4], 20) == []
    assert reorder.due(109) == []
    assert reorder.push(packets[5], 110) == [packets[2]]  # 1 did not come in time
    assert reorder.push(packets[1], 111) == []  # nor is it wanted any more
    assert reorder.push(packets[3], 112) == packets[3:6]
    assert reorder.push(packets[7], 200) == []
    assert reorder.push(packets[7], 200) == []
    assert reorder.due(300) == [packets[7]]
    anew = rtp(b"x", 30_000, 0)
    assert reorder.push(anew, 301) == []
    assert reorder.due(401) == [anew]
    back = rtp(b"x", 5, 0)
    assert reorder.push(back, 402) == [back]
    small = Reorder(wait_ns=10**9, limit=2)
    small.push(packets[0], 0)
    assert [small.push(packets[number], 0) for number in (2, 3, 4)] == [[], [], packets[2:5]]


def test_the_cameras_clock_comes_between_pictures() -> None:
    packets = sent([[b"\x65\x88a"], [b"\x41\x80b"]], stamp=0xFFFFFFFF - 1000)
    report = ("video control", sender_report(3000 - 1001, 1_700_000_000.5))
    for transport in ("tcp", "udp"):
        script = Script(SDP, [("video", packets[0]), 0.1, report, 0.1, ("video", packets[1])])
        with playing(script) as port:
            found, clocks = pictures(RtspCamera(f"rtsp://127.0.0.1:{port}/live#transport={transport}"), 2)
        (clock,) = clocks
        assert clock.pts == found[1].pts == found[0].pts + 3000
        assert abs(clock.utc_ns - 1_700_000_000_500_000_000) < 1000
        assert found[0].arrival_ns < clock.arrival_ns < found[1].arrival_ns


# --- TLS ---


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path, str]:
    """A camera's own certificate for 127.0.0.1; returns its context, its file and its fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, secret)
    digest = hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest()
    return context, cert, digest


def test_a_certificate_is_trusted_pinned_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file, digest = certificate(tmp_path)
    script = Script(SDP, film(sent(PICTURES)), tls=context)
    with playing(script) as port:
        url = f"rtsps://admin:geheim@127.0.0.1:{port}/live"
        with pytest.raises(BadCertificate) as caught:
            pictures(RtspCamera(url), 4)
        assert digest in caught.value.message
        assert "#sha256=" in caught.value.advice
        with pytest.raises(BadCertificate, match=digest):
            pictures(RtspCamera(f"{url}#sha256={'0' * 64}"), 4)
        # The password was not said to whom nobody knows.
        assert script.asked == []
        colons = ":".join(digest[at : at + 2] for at in range(0, 64, 2)).upper()
        for pin in (digest, colons):
            found, _ = pictures(RtspCamera(f"{url}#sha256={pin}"), 4)
            assert units(found) == WHOLE
        assert not any("#" in request or "sha256" in request for request in script.asked)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        found, _ = pictures(RtspCamera(url), 4)
        assert units(found) == WHOLE


def test_a_camera_that_speaks_no_tls_or_wants_datagrams(tmp_path: Path) -> None:
    with playing(Script(SDP, [])) as port, pytest.raises(TimedOut, match="in TLS"):
        pictures(RtspCamera(f"rtsps://127.0.0.1:{port}/live", connect_seconds=0.5), 1)
    with answering(lambda _: None, encoding="latin-1") as port, pytest.raises(Refused, match="TLS"):
        pictures(RtspCamera(f"rtsps://127.0.0.1:{port}/live", connect_seconds=1), 1)
    context, _, digest = certificate(tmp_path)
    # What comes in datagrams is not hidden from anybody.
    with playing(Script(SDP, [], tcp=False, tls=context)) as port, pytest.raises(Refused, match="UDP"):
        pictures(RtspCamera(f"rtsps://127.0.0.1:{port}/live#sha256={digest}"), 1)
    with playing(Script(SDP, [], tcp=False)) as port, pytest.raises(Refused, match="UDP"):
        pictures(RtspCamera(f"rtsp://127.0.0.1:{port}/live#transport=tcp"), 1)


@pytest.mark.parametrize("end", ["transport=http", "sha256=12", "sha256=", "speed=2", "transport", "x"])
def test_what_may_not_stand_behind_the_sign(end: str) -> None:
    with pytest.raises(BadAddress):
        RtspCamera(f"rtsp://127.0.0.1/live#{end}")
    with pytest.raises(BadAddress):
        RtspCamera("rtsps://127.0.0.1/live#transport=udp")


# --- what does not come ---


def test_nothing_or_nothing_to_begin_with() -> None:
    for transport in ("tcp", "udp"):
        with playing(Script(SDP, [])) as port, pytest.raises(NoFrames, match="sends no picture"):
            pictures(RtspCamera(f"rtsp://127.0.0.1:{port}/#transport={transport}", silence_seconds=0.4), 1)
    without = [item for number in range(40) for item in (*film([rtp(b"\x41\x80", number, number)]), 0.05)]
    with playing(Script(SDP, without)) as port, pytest.raises(NoKeyframe, match="keyframe") as caught:
        pictures(RtspCamera(f"rtsp://127.0.0.1:{port}/", keyframe_seconds=0.4), 100)
    assert "2 seconds" in caught.value.advice


def test_no_way_and_no_such_host_are_told_apart() -> None:
    # A network's broadcast address: the kernel knows no way there for a connection.
    with pytest.raises(Unreachable):
        pictures(RtspCamera("rtsp://127.255.255.255/live"), 1)
    with pytest.raises(UnknownHost):
        pictures(RtspCamera("rtsp://camera.invalid/live"), 1)


# --- ways of their own ---


def test_other_channels_bases_and_keep_alives() -> None:
    sdp = SDP.replace("t=0 0\r\n", "t=0 0\r\na=control:rtsp://10.1.1.1/session\r\n")
    for base, control in (
        ("", "rtsp://127.0.0.1:PORT/live?x=1/video"),
        ("/other/", "rtsp://127.0.0.1:PORT/other/video"),
        ("rtsp://10.1.1.1:554/inner/", "rtsp://10.1.1.1:554/inner/video"),
    ):
        items: list[Item] = [
            *film(sent(PICTURES[:3])),
            1.3,
            *film(sent(PICTURES[3:], stamp=9000, sequence=99)),
        ]
        script = Script(sdp, items, first_channel=6, base=base, timeout=2, public="OPTIONS, DESCRIBE, PLAY")
        with playing(script) as port:
            found, _ = pictures(RtspCamera(f"rtsp://127.0.0.1:{port}/live?x=1"), 4)
        assert units(found) == WHOLE
        lines = [request.split(" RTSP")[0] for request in script.asked]
        assert f"SETUP {control.replace('PORT', str(port))}" in lines
        assert "PLAY rtsp://10.1.1.1/session" in lines
        # A camera that knows no GET_PARAMETER is not asked it: some hang up.
        assert "OPTIONS rtsp://10.1.1.1/session" in lines
        assert not any(line.startswith("GET_PARAMETER") for line in lines)


def test_how_many_pictures_are_promised() -> None:
    told = SDP + "a=framerate:25\r\n"
    promised = []
    for sdp, more in ((SDP, ""), (told, ""), (SDP, "#rate=20"), (told, "#rate=12&transport=tcp")):
        script = Script(sdp, film(sent(PICTURES)))
        with playing(script) as port:
            stop = threading.Event()
            items = RtspCamera(f"rtsp://127.0.0.1:{port}/live{more}").stream(stop)
            info = next(items)
            stop.set()
            list(items)
        assert isinstance(info, StreamInfo)
        promised.append(info.frame_rate)
        assert not any("rate=" in request for request in script.asked)
    assert promised == [None, 25, 20, 12]
