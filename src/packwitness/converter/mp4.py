"""The MP4 that the converter writes: one init, and parts of `moof` and `mdat` (ISO/IEC 14496-12). Pure."""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

VIDEO = 1
DEFAULT_BASE_IS_MOOF = 0x020000
TRUN = 0x000001 | 0x000100 | 0x000200 | 0x000400
"""The data's place; each sample's duration, size and flags."""
KEY, OTHER = 0x02000000, 0x01010000
NOTHING = struct.pack(">I4s", 8, b"free")
"""A part in which no picture could be decoded: a box that players pass over."""
UNITY = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_START_CODE = re.compile(rb"\x00*\x00\x00\x01")


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture or frame of sound; ``duration`` in its track's timescale."""

    data: bytes
    duration: int
    key: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Samples of one track that follow each other from ``start``."""

    track: int
    start: int
    samples: Sequence[Sample]


def part(sequence: int, runs: Sequence[Run]) -> bytes:
    """Return `moof` and `mdat` of these runs; the empty part if none has samples."""
    filled = [run for run in runs if run.samples]
    if not filled:
        return NOTHING
    sizes = [8 + 16 + 20 + 20 + 12 * len(run.samples) for run in filled]
    at = 8 + 16 + sum(sizes) + 8
    tables = []
    for run in filled:
        tables.append(_traf(run, at))
        at += sum(len(sample.data) for sample in run.samples)
    moof = _box(b"moof", _full(b"mfhd", 0, struct.pack(">I", sequence)), *tables)
    return moof + _box(b"mdat", *(sample.data for run in filled for sample in run.samples))


def init(original: bytes, *, sets: bytes, width: int, height: int, timescale: int) -> bytes:
    """Return the init of a copy: its picture is H.264 with these parameter sets, its sound the original's.

    Args:
        original: an init whose first track is the picture.
        sets: SPS and PPS behind start codes, as the encoder gives them.
        width: of the copy's picture.
        height: of the copy's picture.
        timescale: of the original's picture, and so of the copy's.
    """
    moov = next((body for kind, body in boxes(original) if kind == b"moov"), b"")
    tracks = [body for kind, body in boxes(moov) if kind == b"trak"]
    sound = [body for body in tracks[1:] if b"soun" in body]
    record = avc_record(sets)
    entry = _box(
        b"avc1",
        struct.pack(">6xH16xHHII4xH32xHh", 1, width, height, 72 << 16, 72 << 16, 1, 24, -1),
        _box(b"avcC", record),
    )
    shown = struct.pack(">II", width << 16, height << 16)
    head = _full(b"tkhd", 3, struct.pack(">8xI4xI16x", VIDEO, 0), UNITY, shown)
    media = _media(timescale, entry)
    ids = [VIDEO, *(track_id(body) for body in sound)]
    movie = struct.pack(">8xII IH10x", timescale, 0, 1 << 16, 1 << 8) + UNITY
    return _box(b"ftyp", struct.pack(">4sI4s4s4s", b"iso5", 0, b"iso5", b"iso6", b"mp41")) + _box(
        b"moov",
        _full(b"mvhd", 0, movie, struct.pack(">24xI", max(ids) + 1)),
        _box(b"trak", head, media),
        *(_box(b"trak", body) for body in sound),
        _box(b"mvex", *(_full(b"trex", 0, struct.pack(">IIIII", one, 1, 0, 0, 0)) for one in ids)),
    )


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of each whole box at this level."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def track_id(trak: bytes) -> int:
    """Return a track's id; 0 where its header cannot be read."""
    head = next((body for kind, body in boxes(trak) if kind == b"tkhd"), b"")
    at = 20 if head[:1] == b"\x01" else 12
    return int.from_bytes(head[at : at + 4], "big")


def units(data: bytes) -> list[bytes]:
    """Return the units between start codes."""
    return [unit for unit in _START_CODE.split(data) if unit]


def counted(data: bytes) -> bytes:
    """Return a picture as an MP4 holds it: each unit behind its length."""
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units(data))


def avc_record(sets: bytes) -> bytes:
    """Return the avcC record of SPS and PPS (ISO/IEC 14496-15, 5.3.3.1; 8 bits, 4:2:0)."""
    found = units(sets)
    sps = [unit for unit in found if unit[0] & 31 == 7]
    pps = [unit for unit in found if unit[0] & 31 == 8]
    lists = bytes([0xE0 | len(sps)]) + _listed(sps) + bytes([len(pps)]) + _listed(pps)
    high = bytes([0xFD, 0xF8, 0xF8, 0]) if sps[0][1] not in (66, 77, 88) else b""
    return bytes([1, *sps[0][1:4], 0xFF]) + lists + high


def codec_name(sets: bytes) -> str:
    """Return what a browser is asked for (RFC 6381), such as ``avc1.640028``."""
    return f"avc1.{avc_record(sets)[1:4].hex()}"


def _listed(found: Sequence[bytes]) -> bytes:
    return b"".join(struct.pack(">H", len(unit)) + unit for unit in found)


def _traf(run: Run, at: int) -> bytes:
    table = [
        struct.pack(">III", one.duration, len(one.data), KEY if one.key else OTHER) for one in run.samples
    ]
    return _box(
        b"traf",
        _full(b"tfhd", DEFAULT_BASE_IS_MOOF, struct.pack(">I", run.track)),
        _full(b"tfdt", 1 << 24, struct.pack(">Q", run.start)),
        _full(b"trun", TRUN, struct.pack(">II", len(table), at), *table),
    )


def _media(timescale: int, entry: bytes) -> bytes:
    table = _box(
        b"stbl",
        _full(b"stsd", 0, struct.pack(">I", 1), entry),
        *(_full(kind, 0, bytes(4)) for kind in (b"stts", b"stsc")),
        _full(b"stsz", 0, bytes(8)),
        _full(b"stco", 0, bytes(4)),
    )
    source = _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1)))
    return _box(
        b"mdia",
        _full(b"mdhd", 0, struct.pack(">8xII HH", timescale, 0, 0x55C4, 0)),
        _full(b"hdlr", 0, struct.pack(">4x4s12x", b"vide"), b"VideoHandler\0"),
        _box(b"minf", _full(b"vmhd", 1, bytes(8)), source, table),
    )


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, flags: int, *content: bytes) -> bytes:
    """A box with version and flags, both in ``flags``."""
    return _box(kind, struct.pack(">I", flags), *content)
