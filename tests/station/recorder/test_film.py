"""A film cut into parts and joined again is the film, whatever the encoder did."""

import io
from pathlib import Path
from typing import Any

import av
import pytest

from packwitness.station.recorder import nal
from packwitness.station.recorder.muxer import boxes, mux_part
from packwitness.station.recorder.packets import Packet
from packwitness.station.recorder.reel import Gap, Item, Piece, Reel
from tests.station.cameras.films import make_film
from tests.station.recorder.reading import decoded, packets_of, samples

# Pictures that come when something moves: 33 ms, 100 ms and 700 ms apart.
UNEVEN = [sum([3000, 9000, 63000, 4500][index % 4] for index in range(count)) for count in range(40)]

FILMS: dict[str, dict[str, Any]] = {
    "short groups": {"gop": 15, "seconds": 3},
    "ten second groups": {"gop": 300, "seconds": 12, "size": (160, 96)},
    "B-frames": {"gop": 45, "seconds": 4, "b_frames": 3},
    "H.265": {"codec": "libx265", "gop": 20, "seconds": 2},
    "H.265 with B-frames": {"codec": "libx265", "gop": 40, "seconds": 3, "b_frames": 2},
    "uneven": {"gop": 12, "times": UNEVEN},
    "slow": {"gop": 5, "rate": 4, "seconds": 5},
}


@pytest.fixture(params=FILMS, scope="module")
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    return make_film(path, **FILMS[request.param])


def cut(packets: list[Packet]) -> list[Piece]:
    reel = Reel(t_start_ns=0)
    pieces: list[Item] = []
    for packet in packets:
        pieces += reel.push(packet, 0)
    pieces += reel.close()
    assert not [piece for piece in pieces if isinstance(piece, Gap)]
    return [piece for piece in pieces if isinstance(piece, Piece)]


def written(pieces: list[Piece]) -> list[bytes]:
    return [
        mux_part(piece.packets, offset=piece.offset, duration=piece.duration, number=number)
        for number, piece in enumerate(pieces, start=1)
    ]


def test_parts_are_short_and_groups_begin_parts(film: Path) -> None:
    pieces = cut(packets_of(film))
    assert max(piece.duration for piece in pieces) <= 90_000
    for piece in pieces:
        assert [packet.key for packet in piece.packets[1:]] == [False] * (len(piece.packets) - 1)
    ends = [piece.start + piece.duration for piece in pieces]
    assert [piece.start for piece in pieces] == [0, *ends[:-1]]


def test_each_part_is_one_moof_and_one_mdat(film: Path) -> None:
    for body in written(cut(packets_of(film))):
        assert [kind for kind, _, _ in boxes(body)] == [b"moof", b"mdat"]


def test_joined_parts_are_the_source(film: Path) -> None:
    packets = packets_of(film)
    joined = packets[0].track.init + b"".join(written(cut(packets)))
    ours, theirs = samples(joined), samples(film)
    assert [(s.data, s.key) for s in ours] == [(s.data, s.key) for s in theirs]
    # The film may begin at another time, but no picture moves against another.
    shift = theirs[0].dts - ours[0].dts
    assert [s.dts for s in ours] == pytest.approx([s.dts - shift for s in theirs], abs=2e-4)
    assert [s.pts for s in ours] == pytest.approx([s.pts - shift for s in theirs], abs=2e-4)
    assert ours[0].dts == 0


def test_joined_parts_decode_and_seek(film: Path) -> None:
    packets = packets_of(film)
    pieces = cut(packets)
    joined = packets[0].track.init + b"".join(written(pieces))
    assert decoded(joined) == len(packets)
    last_key = [piece for piece in pieces if piece.key][-1]
    with av.open(io.BytesIO(joined), "r") as container:
        stream = container.streams.video[0]
        assert float(container.duration or 0) / 1e6 == pytest.approx(
            (pieces[-1].start + pieces[-1].duration) / 90_000, abs=0.2
        )
        container.seek(last_key.packets[0].pts + last_key.offset, stream=stream)
        frame = next(container.decode(stream))
        assert frame.pts == last_key.packets[0].pts + last_key.offset


def test_inits_of_one_stream_are_the_same(film: Path) -> None:
    first, second = packets_of(film)[0].track, packets_of(film, connection=2)[0].track
    assert first is not second
    assert (first.init, first.facts) == (second.init, second.facts)


def test_h265_is_tagged_for_apple(tmp_path: Path) -> None:
    packets = packets_of(make_film(tmp_path / "film.mp4", codec="libx265", seconds=0.5))
    assert b"hvc1" in packets[0].track.init
    assert b"hev1" not in packets[0].track.init
    assert packets[0].track.facts.codec.startswith("hvc1.1.6.L")


def test_ring_packets_survive_being_written_twice(tmp_path: Path) -> None:
    packets = packets_of(make_film(tmp_path / "film.mp4", seconds=1, b_frames=2))
    before = [(p.data, p.pts, p.dts, p.duration) for p in packets]
    pieces = cut(packets)
    assert written(pieces) == written(pieces)
    assert [(p.data, p.pts, p.dts, p.duration) for p in packets] == before


def test_transport_stream_with_annexb_is_the_same_film(tmp_path: Path) -> None:
    mp4 = make_film(tmp_path / "film.mp4", seconds=1)
    ts = tmp_path / "film.ts"
    with av.open(str(mp4)) as source, av.open(str(ts), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    packets = packets_of(ts)
    joined = packets[0].track.init + b"".join(written(cut(packets)))

    def pictures(data: bytes | Path) -> list[list[bytes]]:
        wanted = (1, 5)
        return [
            [unit for unit in nal.prefixed_units(s.data) if nal.unit_type("h264", unit) in wanted]
            for s in samples(data)
        ]

    assert pictures(joined) == pictures(mp4)
    assert decoded(joined) == 30
