"""Fragmented MP4 by hand (ISO/IEC 14496-12 and -15): one init for each stream, `moof` + `mdat` for each part.

PyAV would do it, but cannot flush a muxer, so that each part needs one of its own: 1.6 ms and four copies of
a part of 1080p, where the two boxes below cost 0.5 ms and one copy. Written here, an init also stays the same
when FFmpeg changes, and a recorder whose cameras speak RTSP never loads FFmpeg at all.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace

from packwitness.station.recorder import nal
from packwitness.station.recorder.messages import TIMESCALE, StreamFacts
from packwitness.station.recorder.packets import Packet, Track
from packwitness.station.recorder.sound_part import SoundPart, SoundTrack, durations
from packwitness.station.recorder.sps import Shape, read_shape

DEFAULT_BASE_IS_MOOF, DEFAULT_FLAGS = 0x020000, 0x000020
TRUN = 0x000001 | 0x000004 | 0x000100 | 0x000200 | 0x000800
"""Offset of the data, flags of the first sample; for each sample duration, size, composition offset."""
SYNC, NOT_SYNC = 0x02000000, 0x01010000
MOOF = struct.Struct(">I4s I4sII I4s I4sIII I4sIQ I4sIIII")
SOUND_TRAF = struct.Struct(">I4s I4sII I4sIQ I4sIII")
SOUND_TRUN = 0x000001 | 0x000100 | 0x000200
"""Offset of the data; for each sample duration and size."""
SIDE_LIMIT = 16_384
"""Pixels a side; what says it is larger is not a camera."""
UNITY = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
"""The matrix that leaves pictures as they are."""
LANGUAGE = 0x55C4
"""Undetermined."""
PLAIN_PROFILES = (66, 77, 88)
"""H.264 profiles whose record does not say more of the colours."""


def open_track(codec: str, sets: tuple[bytes, ...]) -> Track:
    """Make the track of a stream from its parameter sets, of which there is one of each type at least.

    Raises:
        nal.BadStream: no init can be made from them.
    """
    shape = read_shape(codec, sets)
    if not (0 < shape.width <= SIDE_LIMIT and 0 < shape.height <= SIDE_LIMIT):
        raise nal.BadStream(f"a picture of {shape.width} x {shape.height}")
    try:
        record = _avc_record(sets, shape) if codec == "h264" else _hevc_record(sets, shape)
        init = _init(codec, record, shape)
    except (struct.error, IndexError, ValueError) as error:
        raise nal.BadStream("no MP4 can be made of its parameter sets") from error
    facts = StreamFacts(nal.codec_name(codec, record), shape.width, shape.height)
    return Track(codec, sets, init, facts, record)


def open_film(track: Track, sound: SoundTrack | None) -> tuple[bytes, StreamFacts]:
    """The init of a film with its sound, and what a manifest says of it."""
    if sound is None:
        return track.init, track.facts
    return _with_sound(track.init, sound), replace(track.facts, audio=sound.facts)


def mux_part(
    packets: Sequence[Packet], *, offset: int, duration: int, number: int, sound: SoundPart | None = None
) -> bytes:
    """Return `moof` + `mdat` of packets of one track, and of the sound that goes with them.

    `offset` leads from the packets' line of time to media time; `duration` is the whole part's; `number`
    becomes the fragment's sequence number. Only the first packet may be a keyframe.

    Raises:
        nal.BadStream: the packets are not in decode order, or do not fit their duration.
    """
    first = packets[0]
    ends = [packet.dts for packet in packets[1:]]
    ends.append(first.dts + duration)
    samples: list[int] = []
    for packet, end in zip(packets, ends, strict=True):
        samples += (end - packet.dts, len(packet.data), packet.pts - packet.dts)
    count = len(packets)
    frames = () if sound is None else sound.frames
    heard = SOUND_TRAF.size + 8 * len(frames) if frames else 0
    size = MOOF.size + 12 * count + heard
    payload = sum(samples[1::3])
    pieces = [packet.data for packet in packets]
    try:
        head = MOOF.pack(
            *(size, b"moof"),
            *(16, b"mfhd", 0, number),
            *(size - 24 - heard, b"traf"),
            *(20, b"tfhd", DEFAULT_BASE_IS_MOOF | DEFAULT_FLAGS, 1, NOT_SYNC),
            *(20, b"tfdt", 1 << 24, first.dts + offset),
            *(24 + 12 * count, b"trun", TRUN, count, size + 8, SYNC if first.key else NOT_SYNC),
        )
        table = struct.pack(f">{3 * count}I", *samples)
        if frames:
            table += _sound_traf(frames, at=size + 8 + payload)
            pieces += [data for _, data in frames]
            payload += sum(len(data) for _, data in frames)
        box = struct.pack(">I4s", payload + 8, b"mdat")
    except struct.error as error:
        raise nal.BadStream("its pictures are out of order") from error
    return b"".join([head, table, box, *pieces])


def _sound_traf(frames: Sequence[tuple[int, bytes]], *, at: int) -> bytes:
    """`traf` of the second track, whose data lies `at` bytes after the beginning of its `moof`."""
    count = len(frames)
    head = SOUND_TRAF.pack(
        *(SOUND_TRAF.size + 8 * count, b"traf"),
        *(16, b"tfhd", DEFAULT_BASE_IS_MOOF, 2),
        *(20, b"tfdt", 1 << 24, frames[0][0]),
        *(20 + 8 * count, b"trun", SOUND_TRUN, count, at),
    )
    samples = [
        number
        for length, (_, data) in zip(durations(frames), frames, strict=True)
        for number in (length, len(data))
    ]
    return head + struct.pack(f">{2 * count}I", *samples)


def boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of each box at the top level.

    Raises:
        nal.BadStream: one is cut short.
    """
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > len(data):
            raise nal.BadStream("an MP4 box is cut short")
        yield data[at + 4 : at + 8], at, at + size
        at += size


# --- the init ---


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, flags: int, *content: bytes) -> bytes:
    """A box with version 0 and flags."""
    return _box(kind, struct.pack(">I", flags), *content)


def _init(codec: str, record: bytes, shape: Shape) -> bytes:
    size = (shape.width, shape.height)
    entry = _box(
        b"avc1" if codec == "h264" else b"hvc1",  # Apple's players refuse hev1
        struct.pack(">6xH16xHHII4xH32xHh", 1, *size, 72 << 16, 72 << 16, 1, 24, -1),
        _box(b"avcC" if codec == "h264" else b"hvcC", record),
    )
    media = _media(TIMESCALE, b"vide", b"VideoHandler\0", _full(b"vmhd", 1, bytes(8)), entry)
    shown = struct.pack(">II", shape.width << 16, shape.height << 16)
    track = _box(b"trak", _full(b"tkhd", 3, struct.pack(">8xI4xI16x", 1, 0), UNITY, shown), media)
    movie = struct.pack(">8xII IH10x", TIMESCALE, 0, 1 << 16, 1 << 8) + UNITY + struct.pack(">24xI", 2)
    extends = _box(b"mvex", _full(b"trex", 0, struct.pack(">IIIII", 1, 1, 0, 0, 0)))
    brands = struct.pack(">4sI4s4s4s", b"iso5", 0, b"iso5", b"iso6", b"mp41")
    return _box(b"ftyp", brands) + _box(b"moov", _full(b"mvhd", 0, movie), track, extends)


def _media(timescale: int, kind: bytes, name: bytes, header: bytes, entry: bytes) -> bytes:
    """`mdia` of a track whose samples are all in fragments."""
    table = _box(
        b"stbl",
        _full(b"stsd", 0, struct.pack(">I", 1), entry),
        _full(b"stts", 0, bytes(4)),
        _full(b"stsc", 0, bytes(4)),
        _full(b"stsz", 0, bytes(8)),
        _full(b"stco", 0, bytes(4)),
    )
    return _box(
        b"mdia",
        _full(b"mdhd", 0, struct.pack(">8xII HH", timescale, 0, LANGUAGE, 0)),
        _full(b"hdlr", 0, struct.pack(">4x4s12x", kind), name),
        _box(
            b"minf",
            header,
            _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1))),
            table,
        ),
    )


def _with_sound(init: bytes, sound: SoundTrack) -> bytes:
    """The init with a second track: ISO/IEC 14496-12, 12.2, and 14496-14, 5.6."""
    rate = sound.sample_rate
    # ES_Descriptor, DecoderConfigDescriptor (AAC, sound), DecoderSpecificInfo, SLConfigDescriptor.
    specific = bytes([5, len(sound.config)]) + sound.config
    decoder = bytes([4, 13 + len(specific), 0x40, 0x15]) + bytes(11) + specific
    descriptor = bytes([3, 3 + len(decoder) + 3]) + struct.pack(">HB", 2, 0) + decoder + b"\x06\x01\x02"
    entry = _box(
        b"mp4a",
        struct.pack(">6xH8xHH4xI", 1, sound.channels, 16, min(rate, 0xFFFF) << 16),
        _full(b"esds", 0, descriptor),
    )
    media = _media(rate, b"soun", b"SoundHandler\0", _full(b"smhd", 0, bytes(4)), entry)
    shown = struct.pack(">II", 0, 0)
    head = _full(b"tkhd", 3, struct.pack(">8xI4xI12xH2x", 2, 0, 1 << 8), UNITY, shown)
    tracks = _box(b"trak", head, media)
    # The picture's `moov` ends in its `mvex`, which the second track's `trak` goes before.
    extends = _full(b"trex", 0, struct.pack(">IIIII", 2, 1, 0, 0, 0))
    _, (_, begin, _) = boxes(init)
    moov = init[begin + 8 :]
    kept = moov[: moov.rindex(b"mvex") - 4]
    mvex = moov[len(kept) + 8 :]
    # The last number of mvhd is the next track's.
    after = 8 + 100
    kept = kept[: after - 4] + struct.pack(">I", 3) + kept[after:]
    return init[:begin] + _box(b"moov", kept, tracks, _box(b"mvex", mvex, extends))


def _counted(units: Sequence[bytes]) -> bytes:
    return b"".join(struct.pack(">H", len(unit)) + unit for unit in units)


def _avc_record(sets: tuple[bytes, ...], shape: Shape) -> bytes:
    """avcC: ISO/IEC 14496-15, 5.3.3.1."""
    sps, pps = ([unit for unit in sets if nal.unit_type("h264", unit) == kind] for kind in (7, 8))
    record = (
        bytes([1, *sps[0][1:4], 0xFF, 0xE0 | len(sps)]) + _counted(sps) + bytes([len(pps)]) + _counted(pps)
    )
    if sps[0][1] in PLAIN_PROFILES:
        return record
    depths = (0xF8 | shape.luma_depth - 8, 0xF8 | shape.chroma_depth - 8)
    return record + bytes([0xFC | shape.chroma, *depths, 0])


def _hevc_record(sets: tuple[bytes, ...], shape: Shape) -> bytes:
    """hvcC: ISO/IEC 14496-15, 8.3.3.1."""
    sps = next(unit for unit in sets if nal.unit_type("hevc", unit) == 33)
    payload = nal.without_emulation(sps[2:])
    layers, nested = (payload[0] >> 1 & 7) + 1, payload[0] & 1
    depths = (0xF8 | shape.luma_depth - 8, 0xF8 | shape.chroma_depth - 8)
    fixed = bytes([1]) + payload[1:13] + bytes([0xF0, 0, 0xFC, 0xFC | shape.chroma, *depths, 0, 0])
    arrays = [[unit for unit in sets if nal.unit_type("hevc", unit) == kind] for kind in nal.SETS["hevc"]]
    record = fixed + bytes([layers << 3 | nested << 2 | 3, len(arrays)])
    for kind, units in zip(nal.SETS["hevc"], arrays, strict=True):
        record += bytes([0x80 | kind]) + struct.pack(">H", len(units)) + _counted(units)
    return record
