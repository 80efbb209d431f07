"""The converter as a program between two pipes: what it keeps, what it refuses, what it cannot do."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest

from packwitness.converter import contract, convert, mp4
from packwitness.converter.contract import Settings

SCALE = 90_000


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


@cache
def film(order: str = "bframes=0") -> tuple[bytes, tuple[bytes, ...]]:
    """Two seconds of H.265 at 10 pictures a second with a tone in AAC: the init, and a fragment a second."""
    out = io.BytesIO()
    flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "video_track_timescale": str(SCALE)}
    with av.open(out, "w", format="mp4", options=flags) as file:
        quiet = {"preset": "ultrafast", "x265-params": f"keyint=10:min-keyint=10:{order}:log-level=none"}
        video = file.add_stream("libx265", rate=10, options=quiet)
        video.width, video.height, video.pix_fmt, video.codec_tag = 96, 64, "yuv420p", "hvc1"
        video.time_base = Fraction(1, SCALE)
        sound = file.add_stream("aac", rate=16_000, layout="mono")
        tone = (np.sin(np.arange(32_000) / 6) * 9000).astype(np.int16).reshape(1, -1)
        for number in range(20):
            grey = np.full((64, 96, 3), 20 + 4 * number, np.uint8)
            picture = av.VideoFrame.from_ndarray(grey, format="rgb24")
            picture.pts, picture.time_base = number * SCALE // 10, Fraction(1, SCALE)
            file.mux(video.encode(picture))
            heard = av.AudioFrame.from_ndarray(tone[:, number * 1600 : (number + 1) * 1600], "s16", "mono")
            heard.sample_rate, heard.pts, heard.time_base = 16_000, number * 1600, Fraction(1, 16_000)
            file.mux(sound.encode(heard))
        file.mux(video.encode(None))
        file.mux(sound.encode(None))
    found = [(kind, box(kind, body)) for kind, body in mp4.boxes(out.getvalue())]
    init = b"".join(data for kind, data in found if kind in (b"ftyp", b"moov"))
    fragments = [data for kind, data in found if kind in (b"moof", b"mdat")]
    return init, tuple(a + b for a, b in zip(fragments[::2], fragments[1::2], strict=True))


def messages(init: bytes, parts: Sequence[bytes], *, end: bool = True, **settings: Any) -> bytes:
    out = io.BytesIO()
    contract.write(out, contract.SETTINGS, Settings(**settings).model_dump_json().encode())
    contract.write(out, contract.INIT, init)
    for number, part in enumerate(parts):
        contract.write_part(out, part, start=number * SCALE, duration=SCALE, key=True)
    if end:
        contract.write(out, contract.END)
    return out.getvalue()


def run(said: bytes) -> tuple[int, list[tuple[bytes, bytes]]]:
    done = subprocess.run([sys.executable, "-I", "-m", contract.MODULE], input=said, capture_output=True)
    assert done.stderr == b""
    stream = io.BytesIO(done.stdout)

    def answers() -> Iterator[tuple[bytes, bytes]]:
        while message := contract.read(stream):
            yield message

    return done.returncode, list(answers())


def packets(data: bytes, kind: str) -> list[tuple[int | None, bytes]]:
    with av.open(io.BytesIO(data), "r") as file:
        wanted = file.streams.audio if kind == "audio" else file.streams.video
        return [(packet.pts, bytes(packet)) for packet in file.demux(*wanted) if packet.size]


def keyframes(data: bytes) -> tuple[str, list[int | None]]:
    with av.open(io.BytesIO(data), "r") as file:
        codec = file.streams.video[0].codec.name
        return codec, [frame.pts for frame in file.decode(video=0) if frame.key_frame]


def test_sound_is_kept_byte_for_byte_and_pictures_keep_their_times() -> None:
    init, parts = film()
    code, answers = run(messages(init, parts))
    copy = b"".join(body for kind, body in answers if kind in (contract.INIT, contract.PART))
    assert (code, [kind for kind, _ in answers]) == (0, [b"I", b"P", b"P", b"D"])
    original = init + b"".join(parts)
    assert packets(copy, "audio") == packets(original, "audio")
    assert [at for at, _ in packets(copy, "video")] == [at for at, _ in packets(original, "video")]
    done = json.loads(answers[-1][1])
    assert (done["pictures"], done["unreadable"], done["codec"][:5]) == (20, 0, "avc1.")
    assert keyframes(copy) == ("h264", keyframes(original)[1])


def times(init: bytes, parts: Sequence[bytes]) -> list[set[int | None]]:
    return [{at for at, _ in packets(init + part, "video")} for part in parts]


def test_a_part_of_the_copy_holds_no_picture_that_the_originals_does_not() -> None:
    """In an open GOP, pictures that are shown before the second keyframe lie behind it."""
    init, parts = film("bframes=3:b-adapt=0:open-gop=1:no-scenecut=1")
    code, answers = run(messages(init, parts))
    head, *rest = [body for kind, body in answers if kind in (contract.INIT, contract.PART)]
    original, copy = times(init, parts), times(head, rest)
    keys = [packets(init + part, "video")[0][0] for part in parts]
    leading = {at for at in original[1] if (at or 0) < (keys[1] or 0)}
    assert (code, bool(leading)) == (0, True)
    assert copy == [original[0], original[1] - leading]
    # What stands before the gap stands until the next picture, not beyond it.
    with av.open(io.BytesIO(head + b"".join(rest)), "r") as file:
        shown = [(packet.pts or 0, packet.duration or 0) for packet in file.demux(video=0) if packet.size]
    assert all(at + long <= later for (at, long), (later, _) in pairwise(shown))


def test_pictures_in_another_order_keep_their_times() -> None:
    init, parts = film("bframes=3:b-adapt=0:open-gop=0")
    _, answers = run(messages(init, parts))
    head, *rest = [body for kind, body in answers if kind in (contract.INIT, contract.PART)]
    assert times(head, rest) == times(init, parts)


def test_a_copy_is_no_larger_than_asked_for() -> None:
    _, answers = run(messages(*film(), width=48, height=48))
    done = json.loads(answers[-1][1])
    assert (done["width"], done["height"]) == (48, 32)


@pytest.mark.parametrize(
    ("size", "fits"),
    [
        ((3840, 2160), (1920, 1080)),
        ((1280, 720), (1280, 720)),
        ((2160, 3840), (1080, 1920)),
        ((2592, 1944), (1440, 1080)),
        ((101, 51), (100, 50)),
    ],
)
def test_what_fits(size: tuple[int, int], fits: tuple[int, int]) -> None:
    assert convert.fitted(*size, 1920, 1080) == fits


def test_whoever_feeds_it_dies_and_so_does_it() -> None:
    code, answers = run(messages(*film(), end=False))
    assert (code, answers[-1][0]) == (1, contract.FAILED)
    assert json.loads(answers[-1][1])["reason"] == "broken"


@pytest.mark.parametrize("garbage", [b"no film", bytes(5000), b"\xff" * 5000], ids=["text", "zeros", "ones"])
def test_garbage_is_refused_in_words(garbage: bytes) -> None:
    init, parts = film()
    code, answers = run(messages(init, [garbage]))
    assert (code, answers[-1][0]) == (1, contract.FAILED)
    assert json.loads(answers[-1][1])["reason"] in ("not_video", "no_picture")
    code, _ = run(messages(garbage, parts))
    assert code == 1


def test_too_little_memory_is_said_or_kills_it_but_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-m", contract.MODULE],
        input=messages(*film(), memory_bytes=120 << 20),
        capture_output=True,
    )
    assert done.returncode != 0


def test_it_can_open_nothing_once_it_has_begun() -> None:
    program = """
import io, sys
from packwitness.converter import __main__ as program, contract
from packwitness.converter.convert import Conversion
def part(self, *given):
    for tried in (lambda: open("/etc/passwd"), lambda: __import__("socket").socket()):
        try:
            tried()
        except OSError as error:
            sys.stderr.write(f"{error.errno} ")
Conversion.part = part
said = io.BytesIO(sys.stdin.buffer.read())
import socket
confine = program.confinement.confine
program.confinement.confine = lambda: sys.stderr.write("confined ") and confine()
program.main(said, io.BytesIO())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], input=messages(*film()), capture_output=True, text=False
    )
    assert done.stderr.decode().split() == ["confined", *["24"] * 4]
