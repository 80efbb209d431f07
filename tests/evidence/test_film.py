"""What was done to a film is found, and named for what it is."""

import bisect
import io
import itertools
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packwitness.evidence.credentials import without_credentials
from packwitness.evidence.film import StoredCamera, check_film, compare_stored
from packwitness.evidence.findings import Finding
from packwitness.evidence.manifest import Camera
from tests.evidence.takes import TAKE, CameraFilm, box, noise, part_bytes

OVERHEAD = CameraFilm.make("overhead", 9)
SIDE = CameraFilm.make("side", 6, (0, 4))
CAMERA = Camera.from_payload(OVERHEAD.entry(TAKE))
SIDE_CAMERA = Camera.from_payload(SIDE.entry(TAKE))
INIT, *PARTS = OVERHEAD.units()


def brief(findings: list[Finding]) -> list[str]:
    """Findings as ``code part(-last)(<-other)``."""
    return [
        f"{one.code} {one.init if one.init is not None else one.part}"
        + (f"-{(one.part or 0) + one.count - 1}" if one.count > 1 else "")
        + (f"<-{one.other}" if one.other is not None else "")
        for one in findings
    ]


def check(*units: bytes, camera: Camera = CAMERA) -> list[str]:
    return brief(check_film(camera, io.BytesIO(b"".join(units))))


def flip(data: bytes, at: int = 100) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def with_parts(*numbers: int) -> list[bytes]:
    return [INIT, *(PARTS[number] for number in numbers)]


def test_an_unchanged_film() -> None:
    assert check(OVERHEAD.film()) == []
    assert check(SIDE.film(), camera=SIDE_CAMERA) == []


def test_a_film_may_begin_within_a_stream() -> None:
    stream = io.BytesIO(b"before" + OVERHEAD.film())
    stream.seek(6)
    assert check_film(CAMERA, stream) == []
    broken = io.BytesIO(b"before" + b"".join(with_parts(0, 1, 2, 4, 5, 6, 7, 8)))
    broken.seek(6)
    assert brief(check_film(CAMERA, broken)) == ["part_missing 3"]


@pytest.mark.parametrize("at", [0, 3, 4, 8, 60, 100, 200])
@pytest.mark.parametrize("number", [0, 3, 4, 8])
def test_a_flipped_bit(number: int, at: int) -> None:
    parts = [*PARTS]
    parts[number] = flip(parts[number], at)
    assert check(INIT, *parts) == [f"part_changed {number}"]


def test_several_flipped_bits() -> None:
    changed = [flip(part) if number in (2, 3, 4, 7) else part for number, part in enumerate(PARTS)]
    assert check(INIT, *changed) == ["part_changed 2-4", "part_changed 7"]


def test_a_part_of_another_length() -> None:
    assert check(INIT, *PARTS[:4], part_bytes("forged", 7), *PARTS[5:]) == ["part_changed 4"]


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ((1, 2, 3, 4, 5, 6, 7, 8), ["part_missing 0"]),
        ((0, 1, 2, 4, 5, 6, 7, 8), ["part_missing 3"]),
        ((0, 1, 5, 6, 7, 8), ["part_missing 2-4"]),
        ((0, 2, 3, 5, 6, 7, 8), ["part_missing 1", "part_missing 4"]),
        ((0, 1, 3, 2, 4, 5, 6, 7, 8), ["part_swapped 2<-3", "part_swapped 3<-2"]),
        ((0, 7, 2, 3, 4, 5, 6, 1, 8), ["part_swapped 1<-7", "part_swapped 7<-1"]),
        ((0, 8, 1, 2, 3, 4, 5, 6, 7), ["part_swapped 1<-8"]),
        ((0, 1, 2, 2, 3, 4, 5, 6, 7, 8), ["part_repeated 3<-2"]),
        ((0, 1, 2, 2, 4, 5, 6, 7, 8), ["part_repeated 3<-2"]),
        ((0, 5, 2, 3, 4, 5, 6, 7, 8), ["part_repeated 1<-5"]),
        ((0, 1, 2, 3, 4, 5, 6, 7, 8, 0), ["part_repeated 9<-0"]),
        ((0, 1, 2, 3, 4, 5, 6, 7), ["film_truncated 8"]),
        ((0,), ["film_truncated 1"]),
        ((), ["film_truncated 0"]),
    ],
)
def test_parts_missing_swapped_and_repeated(order: tuple[int, ...], found: list[str]) -> None:
    assert check(*with_parts(*order)) == found


def test_a_cut_within_a_part() -> None:
    film = OVERHEAD.film()
    assert check(film[:-1]) == ["film_truncated 8"]
    assert check(film[: -len(PARTS[8]) - 10]) == ["film_truncated 7"]
    assert check(film[:20]) == ["film_truncated 0"]
    assert check(b"") == ["film_truncated 0"]


def test_bytes_after_the_end() -> None:
    assert check(OVERHEAD.film(), b"x") == ["film_extra_bytes 9"]
    assert check(OVERHEAD.film(), part_bytes("forged", 3)) == ["film_extra_bytes 9"]


def test_bytes_put_in_between() -> None:
    assert check(INIT, *PARTS[:3], part_bytes("forged", 3), *PARTS[3:]) == ["part_extra 3"]
    assert check(b"junk", *with_parts(*range(9))) == ["part_extra 0"]


def test_a_change_and_a_loss_together() -> None:
    parts = [*PARTS[:2], flip(PARTS[2]), *PARTS[3:5], *PARTS[6:]]
    assert check(INIT, *parts) == ["part_changed 2", "part_missing 5"]


def test_another_init() -> None:
    assert check(flip(INIT), *PARTS) == ["init_changed 0"]
    assert check(*PARTS) == ["init_missing 0"]
    first, *rest = SIDE.units()
    second = rest[4]
    swapped = [second, *rest[:4], first, *rest[5:]]
    assert check(*swapped, camera=SIDE_CAMERA) == ["init_changed 0", "init_changed 1"]
    assert check(first, *rest[:4], *rest[5:], camera=SIDE_CAMERA) == ["init_missing 1"]


def test_another_cameras_film() -> None:
    assert check(SIDE.film()) == ["init_changed 0", "part_changed 0-5", "film_truncated 6"]


def test_a_camera_without_a_film() -> None:
    silent = Camera.from_payload(CameraFilm.make("x", 0, ()).entry(TAKE))
    assert check(camera=silent) == []
    assert check(b"x", camera=silent) == ["film_extra_bytes 0"]


class OneWay(io.BytesIO):
    """A stream as a socket gives it."""

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0) -> int:
        raise io.UnsupportedOperation


def test_a_stream_that_cannot_seek() -> None:
    assert check_film(CAMERA, OneWay(OVERHEAD.film())) == []
    assert brief(check_film(CAMERA, OneWay(OVERHEAD.film() + b"x"))) == ["film_extra_bytes 9"]
    film = b"".join([INIT, *PARTS[:6], flip(PARTS[6]), *PARTS[7:]])
    assert brief(check_film(CAMERA, OneWay(film))) == ["part_changed 6-8"]


def test_a_place_is_a_time_in_the_film() -> None:
    finding = check_film(CAMERA, io.BytesIO(b"".join(with_parts(0, 1, 2, 4, 5, 6, 7, 8))))[0]
    assert (finding.place, finding.at_ms) == ("overhead/parts/3", 3000)
    assert finding.words == "Camera overhead: the picture at 0:03 (part 3) is missing."


class Counting(io.BytesIO):
    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.given = 0
        self.reads = 0
        self.largest = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.given += len(data)
        self.reads += 1
        self.largest = max(self.largest, len(data))
        return data


def test_a_film_is_read_once_in_small_pieces() -> None:
    stream = Counting(OVERHEAD.film())
    assert check_film(CAMERA, stream) == []
    assert stream.given == len(OVERHEAD.film())
    assert stream.largest <= 1 << 20


def trap(size: int) -> bytes:
    """Sixteen bytes that begin a part of ``size`` bytes."""
    return (16).to_bytes(4, "big") + b"moof" + (size - 16).to_bytes(4, "big") + b"mdat"


def test_many_traps_end_the_search() -> None:
    stream = Counting(INIT + PARTS[0] + trap(len(PARTS[3])) * 100_000)
    assert brief(check_film(CAMERA, stream)) == ["part_changed 1-8", "film_extra_bytes 9"]
    assert stream.reads < 300_000


def test_costly_traps_end_the_search() -> None:
    size = 1 << 20
    film = CameraFilm("overhead", [noise("one", size), noise("two", size)], [INIT], [0])
    stream = Counting(INIT + trap(size) * 2_000 + bytes(size))
    found = check_film(Camera.from_payload(film.entry(TAKE)), stream)
    assert brief(found) == ["part_changed 0", "film_truncated 1"]
    assert stream.given < 90 << 20


def test_parts_without_boxes_are_told_apart_too() -> None:
    parts = [noise(f"plain {number}", 100 + number) for number in range(6)]
    camera = Camera.from_payload(CameraFilm("overhead", parts, [INIT], [0]).entry(TAKE))
    assert check(INIT, *parts[:3], flip(parts[3], 5), *parts[4:], camera=camera) == ["part_changed 3"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_changed_byte_is_found_in_its_part(data: st.DataObject) -> None:
    film = bytearray(SIDE.film())
    at = data.draw(st.integers(0, len(film) - 1))
    film[at] ^= data.draw(st.integers(1, 255))
    found = check_film(SIDE_CAMERA, io.BytesIO(bytes(film)))
    ends = list(itertools.accumulate(len(unit) for unit in SIDE.units()))
    names = ["init 0", "part 0", "part 1", "part 2", "part 3", "init 1", "part 4", "part 5"]
    kind, _, index = names[bisect.bisect_right(ends, at)].partition(" ")
    assert brief(found) == [f"{kind}_changed {index}"]


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(9)), st.integers(0, 9), st.integers(0, 3))
def test_any_other_order_is_found(order: list[int], cut: int, repeats: int) -> None:
    numbers = [*order[:cut], *order[:repeats]]
    found = check(*with_parts(*numbers))
    assert (found == []) == (numbers == [*range(9)])


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({2: None}, ["part_missing 2"]),
        ({2: "f" * 64}, ["part_changed 2"]),
        ({2: 3, 3: 2}, ["part_swapped 2<-3", "part_swapped 3<-2"]),
        ({2: 3}, ["part_repeated 2<-3"]),
        ({9: "f" * 64}, ["part_extra 9"]),
    ],
)
def test_stored_digests_are_compared(parts: dict[int, str | int | None], found: list[str]) -> None:
    digests = {number: part.sha256 for number, part in enumerate(CAMERA.parts)}
    stored = dict(digests)
    for number, value in parts.items():
        if value is None:
            del stored[number]
        else:
            stored[number] = digests[value] if isinstance(value, int) else value
    assert brief(compare_stored(CAMERA, StoredCamera({0: CAMERA.inits[0].sha256}, stored))) == found


def test_stored_inits_are_compared() -> None:
    stored = {number: part.sha256 for number, part in enumerate(CAMERA.parts)}
    assert brief(compare_stored(CAMERA, StoredCamera({}, stored))) == ["init_missing 0"]
    inits = {0: "f" * 64, 1: "f" * 64}
    assert brief(compare_stored(CAMERA, StoredCamera(inits, stored))) == ["init_changed 0", "init_changed 1"]


C2PA = box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + noise("credentials", 500))
FTYP = int.from_bytes(INIT[:4], "big")


def unwrapped(data: bytes) -> tuple[BinaryIO, int]:
    return without_credentials(io.BytesIO(data), {CAMERA.film_size})


def test_content_credentials_are_left_aside() -> None:
    film = OVERHEAD.film()
    stream, aside = unwrapped(film[:FTYP] + C2PA + film[FTYP:])
    assert aside == len(C2PA)
    assert check_film(CAMERA, stream) == []
    broken = film[:FTYP] + C2PA + film[FTYP : -len(PARTS[8])]
    assert brief(check_film(CAMERA, unwrapped(broken)[0])) == ["film_truncated 8"]


def test_no_other_box_is_left_aside() -> None:
    other = box(b"uuid", noise("other", 500))
    film = OVERHEAD.film()
    stream, aside = unwrapped(film[:FTYP] + other + film[FTYP:])
    assert aside == 0
    assert brief(check_film(CAMERA, stream)) == ["init_changed 0"]
    assert unwrapped(film)[1] == unwrapped(film[:-1])[1] == 0


def test_a_film_of_the_sealed_size_has_nothing_put_in() -> None:
    film = CameraFilm("overhead", PARTS, [INIT[:FTYP] + C2PA + INIT[FTYP:]], [0])
    camera = Camera.from_payload(film.entry(TAKE))
    stream, aside = without_credentials(io.BytesIO(film.film()), {camera.film_size})
    assert (aside, check_film(camera, stream)) == (0, [])
