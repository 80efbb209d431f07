"""ONVIF cameras: a real one (ipycam) in a network of its own, and one that does what it should not."""

import gzip
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from packwitness.station.cameras.onvif import (
    Clock,
    Login,
    OnvifCamera,
    OnvifError,
    Profile,
    StreamElsewhere,
    Unauthorised,
    with_login,
)
from packwitness.station.cameras.onvif_choice import Choice, choose
from packwitness.station.cameras.onvif_discovery import Found, discover, read_answer
from packwitness.station.cameras.onvif_soap import BadLetter, read_xml
from tests.station.cameras.onvif_responder import PASSWORD, USER, Camera, responding

ROOT = Path(__file__).resolve().parents[3]
LOGIN = Login(USER, PASSWORD)
MAIN = Profile("a&b", "main", "lens", "H264", 1280, 720, 20)


def beside_ipycam(*words: str, password: str) -> subprocess.CompletedProcess[str]:
    """`packwitness station WORDS` in a network where ipycam is the one camera, whose password is `right`."""
    return subprocess.run(
        [sys.executable, "-m", "tests.station.cameras.ipycam_alone", "admin", "right", "station", *words],
        env={**os.environ, "PACKWITNESS_CAMERA_PASSWORD": password},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_camera_is_found_by_multicast_and_its_streams_are_chosen() -> None:
    """Found without a login, for anybody may answer; the one that is named is logged in to."""
    done = beside_ipycam("cameras", "--seconds", "0.8", "--snippet", password="right")
    assert (done.returncode, done.stdout) == (
        1,
        """127.0.0.1  Bench
    The camera at 127.0.0.1 wants a user name and password. If you know it, name its address to log in: \
packwitness station cameras 127.0.0.1 --user NAME
""",
    ), done.stderr

    words = ["239.255.255.250", "--user", "admin", "--seconds", "0.8"]
    done = beside_ipycam("cameras", *words, password="right")
    assert (done.returncode, "127.0.0.1" in done.stdout) == (1, False), "who answers for many was not named"

    words = ["127.0.0.1", "--user", "admin", "--seconds", "0.8", "--snippet"]
    done = beside_ipycam("cameras", *words, password="right")
    assert (done.returncode, done.stdout) == (
        0,
        """127.0.0.1  PythonCam VirtualCam-1
    film: H264 1920x1080, 25 pictures/s
          rtsp://127.0.0.1:8554/video_main
    look: H264 640x360, 15 pictures/s
          rtsp://127.0.0.1:8554/video_sub

[[cameras]]
id = "camera-1"
name = "PythonCam VirtualCam-1"
url = "rtsp://admin:PASSWORD@127.0.0.1:8554/video_main"
look = "rtsp://admin:PASSWORD@127.0.0.1:8554/video_sub"
""",
    ), done.stderr


def test_a_named_address_needs_no_multicast_and_a_wrong_password_is_said() -> None:
    done = beside_ipycam("cameras", "127.0.0.1:8080", "--user", "admin", password="wrong")

    assert done.returncode == 1
    assert "does not take this user name and password" in done.stdout
    assert "wrong" not in done.stdout + done.stderr


def test_letters_are_dated_by_the_cameras_clock() -> None:
    camera = Camera(ahead=timedelta(hours=-9))
    with responding(camera), OnvifCamera(camera.url, LOGIN) as asking:
        assert asking.clock().offset_s == pytest.approx(-9 * 3600, abs=2)
        assert asking.model() == "Maker M1"
        assert asking.profiles() == [MAIN]
        assert asking.stream(MAIN) == "rtsp://127.0.0.1:554/main?channel=1&subtype=0"
    assert "a&amp;b" in camera.asked[-1], "what a camera said is escaped when it is said back"
    assert all(PASSWORD not in letter for letter in camera.asked)


@pytest.mark.parametrize("year", [1, 9999])
def test_a_clock_that_cannot_be_is_not_followed(year: int) -> None:
    camera = Camera(ahead=datetime(year, 12, 31, tzinfo=UTC) - datetime.now(UTC))
    with responding(camera), OnvifCamera(camera.url, LOGIN) as asking:
        assert asking.clock() == Clock(None)
        with pytest.raises(Unauthorised):
            asking.model()


def test_a_clock_that_begins_in_1970_is_followed() -> None:
    camera = Camera(ahead=datetime(1970, 1, 1, tzinfo=UTC) - datetime.now(UTC))
    with responding(camera), OnvifCamera(camera.url, LOGIN) as asking:
        asking.clock()
        assert asking.model() == "Maker M1"


def test_a_letter_dated_wrongly_is_refused_and_the_clock_named() -> None:
    camera = Camera(ahead=timedelta(minutes=3))
    with responding(camera):
        with OnvifCamera(camera.url, LOGIN) as asking, pytest.raises(Unauthorised):
            asking.profiles()
        with OnvifCamera(camera.url, Login(USER, "other")) as asking:
            asking.clock()
            with pytest.raises(Unauthorised, match="Its clock is 180 s ahead; set it, too"):
                asking.profiles()


def test_a_camera_that_wants_http_digest_gets_it() -> None:
    camera = Camera(digest=True)
    with responding(camera), OnvifCamera(camera.url, LOGIN) as asking:
        assert asking.profiles() == [MAIN]
        with OnvifCamera(camera.url, Login(USER, "other")) as wrong, pytest.raises(Unauthorised):
            wrong.profiles()
        with OnvifCamera(camera.url) as nobody, pytest.raises(Unauthorised, match="name its address"):
            nobody.profiles()


def test_the_newer_service_tells_of_h265() -> None:
    camera = Camera(newer=True)
    with responding(camera), OnvifCamera(camera.url, LOGIN) as asking:
        asking.clock()
        (profile,) = asking.profiles()
        assert profile == Profile("p1", "main", "lens", "H265", 3840, 2160, 12)
        assert asking.stream(profile).startswith("rtsp://127.0.0.1:554/main")


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        ("rtsp://10.9.8.7/main", StreamElsewhere),
        ("rtsp://127.0.0.1@10.9.8.7/main", StreamElsewhere),
        ("http://127.0.0.1/main", OnvifError),
        ("file:///etc/passwd", OnvifError),
        ("rtsp://127.0.0.1:99999/", OnvifError),
        ("", OnvifError),
    ],
)
def test_a_stream_elsewhere_is_not_taken(stream: str, error: type[OnvifError]) -> None:
    camera = Camera(stream=stream)
    with responding(camera), OnvifCamera(camera.url, LOGIN) as asking:
        asking.clock()
        with pytest.raises(error) as caught:
            asking.stream(asking.profiles()[0])
        assert PASSWORD not in str(caught.value)


def test_the_password_goes_to_no_other_host() -> None:
    """Neither a service said to be elsewhere nor a redirection leads away from the camera."""
    thief = Camera()
    with responding(thief, "127.0.0.2"):
        camera = Camera(media=f"http://127.0.0.2:{thief.port}//127.0.0.2/onvif/media")
        with responding(camera), OnvifCamera(camera.url, LOGIN) as asking:
            asking.clock()
            assert asking.profiles() == [MAIN]
        camera = Camera(redirect=f"http://127.0.0.2:{thief.port}/onvif/device_service")
        with responding(camera), OnvifCamera(camera.url, LOGIN) as asking, pytest.raises(OnvifError):
            asking.profiles()
    assert thief.asked == []


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "document type"),
        (b"<x>" * 50 + b"</x>" * 50, "more elements than an answer has"),
        (b"<x>" + b"<y/>" * 20_001 + b"</x>", "more elements than an answer has"),
        (b"<x>" + b" " * (300 << 10) + b"</x>", "more than 262144 bytes"),
        (b"<x><y></x>", "no XML"),
        (b"", "no XML"),
        (b"\xff\xfe\x00", "no XML"),
    ],
)
def test_hostile_letters_are_refused(answer: bytes, complaint: str) -> None:
    camera = Camera(raw=answer)
    with responding(camera), OnvifCamera(camera.url) as asking, pytest.raises(OnvifError, match=complaint):
        asking.profiles()


def test_no_answer_is_unpacked() -> None:
    camera = Camera(raw=gzip.compress(b"<x>" + b" " * (64 << 20) + b"</x>"), coding="gzip")
    with responding(camera), OnvifCamera(camera.url) as asking, pytest.raises(OnvifError, match="no XML"):
        asking.model()


@pytest.mark.parametrize("head", [False, True])
def test_a_camera_that_dribbles_is_given_up(head: bool) -> None:
    camera = Camera(raw=b" " * 1000, dribble=not head, dribble_head=head)
    began = time.monotonic()
    with (
        responding(camera),
        OnvifCamera(camera.url, seconds=0.5) as asking,
        pytest.raises(OnvifError, match=r"longer than 0\.5 s"),
    ):
        asking.model()
    assert time.monotonic() - began < 3


def test_an_address_with_a_password_in_it_is_refused() -> None:
    camera = Camera()
    with responding(camera), pytest.raises(OnvifError, match="give --user NAME") as caught:
        OnvifCamera(camera.url.replace("//", "//admin:geheim@"))
    assert "geheim" not in str(caught.value)


def test_what_is_no_camera_is_said_so() -> None:
    with pytest.raises(OnvifError, match="no camera's address"):
        OnvifCamera("ftp://127.0.0.1/")
    with (
        OnvifCamera("http://127.0.0.1:9/onvif/device_service") as asking,
        pytest.raises(OnvifError, match="cannot be asked"),
    ):
        asking.clock()
    camera = Camera(raw=b"<x/>")
    with responding(camera), OnvifCamera(camera.url) as asking:
        assert asking.clock() == Clock(None)
        assert asking.profiles() == []
    assert repr(LOGIN) == "Login(…)"


def probe_match(number: str, addresses: str, *, types: str = "dn:NetworkVideoTransmitter") -> bytes:
    return (
        '<E:Envelope xmlns:E="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:A="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:D="http://schemas.xmlsoap.org/ws/2005/04/discovery">'
        f"<E:Header><A:RelatesTo>uuid:{number}</A:RelatesTo></E:Header><E:Body><D:ProbeMatches><D:ProbeMatch>"
        f"<D:Types>{types}</D:Types><D:Scopes>onvif://www.onvif.org/name/Bench%20%0acam</D:Scopes>"
        f"<D:XAddrs>{addresses}</D:XAddrs></D:ProbeMatch></D:ProbeMatches></E:Body></E:Envelope>"
    ).encode()


@pytest.mark.parametrize(
    ("addresses", "url"),
    [
        ("http://10.0.0.5/onvif/device_service", "http://10.0.0.5/onvif/device_service"),
        ("http://[fe80::1]/x http://10.0.0.5:81/y", "http://10.0.0.5:81/y"),
        ("http://192.0.2.66:8000/evil", "http://10.0.0.5:8000/evil"),
        ("ftp://10.0.0.5/x http://10.0.0.5:99999/", "http://10.0.0.5/onvif/device_service"),
        ("", "http://10.0.0.5/onvif/device_service"),
        ("http:@192.0.2.66/x", "http://10.0.0.5/onvif/device_service"),
        ("http:1/x", "http://10.0.0.5/onvif/device_service"),
        ("http:@127.0.0.1:8000/api", "http://10.0.0.5/onvif/device_service"),
        ("http://10.0.0.5//192.0.2.66/x", "http://10.0.0.5/192.0.2.66/x"),
    ],
)
def test_a_camera_is_where_its_answer_came_from(addresses: str, url: str) -> None:
    answer = probe_match("n1", addresses)

    assert read_answer(answer, "10.0.0.5", number="n1") == Found(url, "Bench cam")


def test_answers_to_other_questions_and_of_other_things_do_not_count() -> None:
    assert read_answer(probe_match("n2", ""), "10.0.0.5", number="n1") is None
    assert read_answer(probe_match("n1", "", types="p:Printer"), "10.0.0.5", number="n1") is None
    assert read_answer(b"<x/>", "10.0.0.5", number="n1") is None
    assert read_answer(b"\x00", "10.0.0.5", number="n1") is None


def test_nobody_answering_takes_its_time_and_no_more() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        began = time.monotonic()
        assert discover(["127.0.0.1", "name.invalid"], seconds=0.3, port=deaf.getsockname()[1]) == []
        assert time.monotonic() - began < 2
        assert b"Probe" in deaf.recv(65_535)


def profile(name: str, width: int, height: int, rate: int = 25, **more: str) -> Profile:
    return Profile(name, name, more.get("source", "1"), more.get("encoding", "H264"), width, height, rate)


def test_the_largest_is_filmed_and_the_smallest_that_serves_is_looked_at() -> None:
    main, sub = profile("main", 2560, 1440), profile("sub", 704, 576)
    between, tiny = profile("third", 1280, 720), profile("tiny", 352, 288)
    jpeg = profile("jpeg", 4096, 3072, encoding="JPEG")

    assert choose([tiny, sub, jpeg, main, between]) == [Choice(main, sub)]
    assert choose([main, tiny]) == [Choice(main, None)]
    assert choose([main, profile("slow", 704, 576, 2)]) == [Choice(main, None)]
    assert choose([jpeg]) == []
    upright = profile("upright", 360, 640)
    assert choose([main, upright]) == [Choice(main, upright)]


def test_among_equals_the_faster_then_h264() -> None:
    slow, h264 = profile("slow", 1920, 1080, 15), profile("h264", 1920, 1080)
    h265 = profile("h265", 1920, 1080, encoding="H265")
    other = profile("other", 640, 360, source="2")

    assert choose([slow, h265, h264, other]) == [Choice(h264, None), Choice(other, None)]


def test_user_and_password_are_written_so_that_they_read_back() -> None:
    assert (
        with_login("rtsp://h:1/p?a=b", Login("a@b", "p:/@ #%"))
        == "rtsp://a%40b:p%3A%2F%40%20%23%25@h:1/p?a=b"
    )
    assert with_login("rtsp://h/p", Login()) == "rtsp://h/p"


def test_a_document_type_never_reads() -> None:
    with pytest.raises(BadLetter, match="document type"):
        read_xml(b"<!DOCTYPE x SYSTEM 'http://127.0.0.1/x'><x/>")
