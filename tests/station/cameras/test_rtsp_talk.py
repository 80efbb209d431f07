"""The conversation with a camera: passwords, redirections, answers between pictures."""

import base64
import hashlib
import re
import threading
from collections.abc import Callable
from itertools import islice

import pytest

from packwitness.station.cameras.address import parse_address
from packwitness.station.cameras.camera import (
    Broken,
    CameraError,
    CameraPacket,
    Ended,
    NotFound,
    StreamInfo,
    Unauthorised,
)
from packwitness.station.cameras.rtsp import RtspCamera
from tests.station.cameras.rtsp_server import answering, sdp_answers
from tests.station.cameras.test_rtp import interleaved, rtp

SDP = (
    "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=control:track1\r\n"
)
PLAIN = sdp_answers(SDP)
USER, PASSWORD = "admin", "gehe:im/ü"
ADDRESS = "rtsp://admin:gehe%3Aim%2F%C3%BC@127.0.0.1:{port}/live"
Answer = Callable[[str], str | None]


def header(request: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*)\r$", request, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def fields(words: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|[^\s,]+)', words)}


def right_digest(request: str, *, algorithm: str, qop: str) -> bool:
    """RFC 7616, 3.4.1, as a server computes it."""
    told = fields(header(request, "Authorization"))
    make = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def digest(*words: str) -> str:
        return make(":".join(words).encode()).hexdigest()

    secret = digest(USER, "cam", PASSWORD)
    asked = digest(request.split(" ", 1)[0], told.get("uri", ""))
    if qop:
        expected = digest(secret, "n0nce", told.get("nc", ""), told.get("cnonce", ""), qop, asked)
    else:
        expected = digest(secret, "n0nce", asked)
    return told.get("response") == expected and told.get("username") == USER


def right_basic(request: str) -> bool:
    told = header(request, "Authorization").removeprefix("Basic ")
    return told == base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def guarded(challenge: str, right: Callable[[str], bool]) -> Answer:
    def answer(request: str) -> str | None:
        if request.startswith("OPTIONS") or right(request):
            return PLAIN(request)
        return f"RTSP/1.0 401 Unauthorized\r\nCSEQ\r\nWWW-Authenticate: {challenge}\r\n\r\n"

    return answer


CHALLENGES: list[tuple[str, Callable[[str], bool]]] = [
    ('Basic realm="cam"', right_basic),
    ('Digest realm="cam", nonce="n0nce"', lambda r: right_digest(r, algorithm="MD5", qop="")),
    (
        'Digest realm="cam", nonce="n0nce", qop="auth,auth-int", opaque="o"',
        lambda r: right_digest(r, algorithm="MD5", qop="auth") and 'opaque="o"' in r,
    ),
    (
        'Digest realm="cam", nonce="n0nce", algorithm=SHA-256, qop="auth"',
        lambda r: right_digest(r, algorithm="SHA-256", qop="auth"),
    ),
]


@pytest.mark.parametrize(("challenge", "right"), CHALLENGES)
def test_the_right_password_lets_us_in(challenge: str, right: Callable[[str], bool]) -> None:
    with answering(guarded(challenge, right)) as port:
        camera = RtspCamera(ADDRESS.format(port=port), silence_seconds=0.3)
        items = camera.stream(threading.Event())
        assert isinstance(next(items), StreamInfo)
        with pytest.raises(CameraError):
            next(items)


@pytest.mark.parametrize("challenge", [challenge for challenge, _ in CHALLENGES])
def test_a_wrong_password_is_tried_once(challenge: str) -> None:
    asked: list[str] = []

    def never(request: str) -> bool:
        asked.append(request)
        return False

    with answering(guarded(challenge, never)) as port, pytest.raises(Unauthorised):
        list(RtspCamera(ADDRESS.format(port=port)).stream(threading.Event()))
    # Cameras lock accounts after a few wrong passwords.
    assert [bool(header(request, "Authorization")) for request in asked] == [False, True]
    assert not any("gehe" in request.partition("\r\n")[0] for request in asked)


def test_the_safest_of_several_ways_is_taken() -> None:
    ways = [
        'Digest realm="cam", nonce="n0nce", algorithm="MD5", qop="auth"',
        'Digest realm="cam", nonce="n0nce", algorithm=SHA-256, qop="auth"',
        'Basic realm="cam"',
    ]
    many = "\r\nWWW-Authenticate: ".join(ways)
    for challenge, right in (
        (many, CHALLENGES[3][1]),
        ("\r\nWWW-Authenticate: ".join(reversed(ways)), CHALLENGES[3][1]),
        (f"{ways[2]}\r\nWWW-Authenticate: {ways[0]}", lambda r: right_digest(r, algorithm="MD5", qop="auth")),
        ('Negotiate\r\nWWW-Authenticate: Basic realm="cam"', right_basic),
    ):
        with answering(guarded(challenge, right)) as port:
            camera = RtspCamera(ADDRESS.format(port=port), silence_seconds=0.1)
            assert isinstance(next(camera.stream(threading.Event())), StreamInfo)


def test_a_nonce_that_is_used_once_only() -> None:
    """A camera that gives a new one with each refusal, and says that only the old one was at fault."""
    count = 0
    kept: list[str] = []

    def answer(request: str) -> str | None:
        nonlocal count
        method = request.split(" ", 1)[0]
        nonce = fields(header(request, "Authorization")).get("nonce")
        if method != "OPTIONS" and nonce != f"n{count}":
            count += 1
            stale = ", stale=TRUE" if nonce else ""
            challenge = f'WWW-Authenticate: Digest realm="cam", nonce="n{count}"{stale}'
            return f"RTSP/1.0 401 Unauthorized\r\nCSEQ\r\n{challenge}\r\n\r\n"
        if method == "GET_PARAMETER":
            kept.append(request)
        if method in ("SETUP", "PLAY"):
            count += 1
        reply = PLAIN(request)
        return reply and reply.replace("Session: 1", "Session: 1;timeout=2").replace(
            "PLAY\r\n", "PLAY, GET_PARAMETER\r\n"
        )

    with answering(answer) as port:
        camera = RtspCamera(ADDRESS.format(port=port), silence_seconds=1.6)
        with pytest.raises(CameraError, match="no picture"):
            list(camera.stream(threading.Event()))
    assert kept  # a keep-alive whose nonce is old is said again with the new one


def test_pictures_before_the_answer_and_answers_between_pictures() -> None:
    packets = [rtp(b"\x65picture %d" % number, number, 3000 * number, marker=True) for number in range(6)]
    early, late = interleaved(packets[:2]), interleaved(packets[2:4])
    rest = interleaved(packets[4:])

    def answer(request: str) -> str | None:
        reply = PLAIN(request)
        if not request.startswith("PLAY") or reply is None:
            return reply
        stray = "RTSP/1.0 200 OK\r\nCSeq: 99\r\nContent-Length: 3\r\n\r\nabc"
        asked = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
        return "".join(
            [early.decode("latin-1"), reply, late.decode("latin-1"), stray, asked, rest.decode("latin-1")]
        )

    with answering(answer, encoding="latin-1") as port:
        stop = threading.Event()
        items = RtspCamera(f"rtsp://127.0.0.1:{port}/live").stream(stop)
        _, *pictures = islice(items, 7)
        stop.set()
        assert list(items) == []
    assert [one.pts for one in pictures if isinstance(one, CameraPacket)] == [3000 * n for n in range(6)]


def test_redirected_once_and_for_ever() -> None:
    with answering(PLAIN) as target:

        def elsewhere(request: str) -> str | None:
            if request.startswith("OPTIONS"):
                return PLAIN(request)
            return f"RTSP/1.0 302 Moved\r\nCSEQ\r\nLocation: rtsp://127.0.0.1:{target}/there\r\n\r\n"

        with answering(elsewhere) as port:
            items = RtspCamera(f"rtsp://127.0.0.1:{port}/live", silence_seconds=0.3).stream(threading.Event())
            assert isinstance(next(items), StreamInfo)
            with pytest.raises(CameraError):
                next(items)

    def round_and_round(request: str) -> str | None:
        return "RTSP/1.0 302 Moved\r\nCSEQ\r\nLocation: /again\r\n\r\n"

    with answering(round_and_round) as port, pytest.raises(NotFound):
        list(RtspCamera(f"rtsp://127.0.0.1:{port}/live").stream(threading.Event()))


@pytest.mark.parametrize(
    "reply",
    [
        "HTTP/1.1 400 Bad Request\r\nCSEQ\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSEQ\r\nContent-Length: 99999999\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSEQ\r\nContent-Length: -1\r\n\r\n",
        "x" * 100_000 + "CSEQ",
        "\x00\x01\x02CSEQ",
    ],
)
def test_what_is_no_rtsp(reply: str) -> None:
    with answering(lambda _request: reply) as port, pytest.raises(Broken):
        list(RtspCamera(f"rtsp://127.0.0.1:{port}/", connect_seconds=2).stream(threading.Event()))


def test_noise_instead_of_packets() -> None:
    def answer(request: str) -> str | None:
        reply = PLAIN(request)
        return reply + "\x01\x02noise" if request.startswith("PLAY") and reply else reply

    with answering(answer) as port, pytest.raises((Broken, Ended)) as caught:
        list(RtspCamera(f"rtsp://127.0.0.1:{port}/", silence_seconds=2).stream(threading.Event()))
    assert caught.type is Broken


def test_addresses_without_their_passwords() -> None:
    address = parse_address("rtsp://ad%40min:p%3Aw@cam.local:8554/live?channel=1&subtype=0")
    assert (address.url, address.user, address.password) == (
        "rtsp://cam.local:8554/live?channel=1&subtype=0",
        "ad@min",
        "p:w",
    )
    assert (address.port, address.secure) == (8554, False)
    assert parse_address("rtsps://10.0.0.4/x").port == 322
    moved = address.moved(parse_address("rtsp://evil.example/live"), trusted=False)
    assert (moved.host, moved.user, moved.password) == ("evil.example", "", "")
