"""Parts of fragmented MP4, each by a PyAV muxer of its own, since PyAV cannot flush one.

All muxers of a `Track` write the same init; it is cut off, so that what remains is exactly `moof` + `mdat`.
"""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
from av.video.stream import VideoStream

from packwitness.station.recorder import nal
from packwitness.station.recorder.messages import TIMESCALE, StreamFacts
from packwitness.station.recorder.packets import Packet, Track

OPTIONS = {
    # frag_discont: a part's tfdt is its first packet's dts instead of 0.
    "movflags": "frag_custom+empty_moov+default_base_moof+frag_discont+skip_trailer",
    # Else tfdt is the first packet's pts, and films with B-frames lie a few pictures late.
    "use_editlist": "0",
    "avoid_negative_ts": "disabled",
    "video_track_timescale": str(TIMESCALE),
}
TICK = Fraction(1, TIMESCALE)
SIDE_LIMIT = 16_384
"""Pixels a side; what says it is larger is not a camera."""


def open_track(codec: str, sets: tuple[bytes, ...], *, width: int, height: int) -> Track:
    """Make the track of a stream from its parameter sets.

    Raises:
        nal.BadStream: no init can be made from them.
    """
    if not (0 < width <= SIDE_LIMIT and 0 < height <= SIDE_LIMIT):
        raise nal.BadStream(f"a picture of {width} x {height}")
    try:
        # The first round trip turns Annex B sets into the avcC/hvcC record, as FFmpeg writes it.
        template = _template(_first_init(codec, sets, width, height))
        record = template.codec_context.extradata or b""
        whole = _mux(codec, template, (), 0, 0, 1)
        init, rest = split(whole)
        template = _template(init)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise nal.BadStream("no MP4 can be made of its parameter sets") from error
    if rest or not record:
        raise nal.BadStream("no MP4 can be made of its parameter sets")
    facts = StreamFacts(nal.codec_name(codec, record), width, height)
    return Track(codec, sets, init, facts, record, template)


def mux_part(packets: Sequence[Packet], *, offset: int, duration: int, number: int) -> bytes:
    """Return `moof` + `mdat` of packets of one track.

    `offset` leads from the packets' line of time to media time; `duration` is the whole part's; `number`
    becomes the fragment's sequence number, from 1.

    Raises:
        nal.BadStream: FFmpeg refuses the packets.
    """
    track = packets[0].track
    try:
        whole = _mux(track.codec, track.template, packets, offset, duration, number)
    except (av.FFmpegError, OSError) as error:
        raise nal.BadStream("a part cannot be written as MP4") from error
    init, part = split(whole)
    if init != track.init:
        raise nal.BadStream("a part came with another init")
    return part


def split(data: bytes) -> tuple[bytes, bytes]:
    """Split fragmented MP4 into init (`ftyp` + `moov`) and fragments (`moof` + `mdat`).

    Raises:
        nal.BadStream: there is another box, or one is cut short.
    """
    init_end = 0
    for kind, _, end in boxes(data):
        if kind in (b"ftyp", b"moov"):
            init_end = end
        elif kind not in (b"moof", b"mdat"):
            raise nal.BadStream("the muxer wrote a box that does not belong there")
    return data[:init_end], data[init_end:]


def boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of each box at the top level."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > len(data):
            raise nal.BadStream("an MP4 box is cut short")
        yield data[at + 4 : at + 8], at, at + size
        at += size


def _mux(
    codec: str, template: VideoStream, packets: Sequence[Packet], offset: int, duration: int, number: int
) -> bytes:
    buffer = io.BytesIO()
    options = OPTIONS | {"fragment_index": str(number)}
    with av.open(buffer, "w", format="mp4", options=options) as container:
        stream = container.add_stream_from_template(template, opaque=True)
        if codec == "hevc":
            stream.codec_context.codec_tag = "hvc1"  # Apple's players refuse hev1
        stream.time_base = TICK
        container.start_encoding()
        for index, packet in enumerate(packets):
            # A new packet each time: muxing rescales in place, and the ring's packets are shared.
            copy = av.Packet(packet.data)
            copy.stream = stream
            copy.time_base = TICK
            copy.pts = packet.pts + offset
            copy.dts = packet.dts + offset
            copy.is_keyframe = packet.key
            if index + 1 < len(packets):
                copy.duration = packets[index + 1].dts - packet.dts
            else:
                copy.duration = packets[0].dts + duration - packet.dts
            container.mux_one(copy)
    return buffer.getvalue()


def _first_init(codec: str, sets: tuple[bytes, ...], width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options=OPTIONS) as container:
        stream = container.add_mux_stream(codec, width=width, height=height, time_base=TICK)
        packet = av.Packet(nal.annexb(sets))
        packet.stream = stream
        packet.time_base = TICK
        packet.pts = packet.dts = 0
        packet.duration = 1
        packet.is_keyframe = True
        container.mux_one(packet)  # PyAV takes the extradata from the first packet
    init, _ = split(buffer.getvalue())
    return init


def _template(init: bytes) -> VideoStream:
    return av.open(io.BytesIO(init), format="mp4").streams.video[0]
