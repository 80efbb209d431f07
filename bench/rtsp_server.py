"""One film as any number of live RTSP cameras, cheaply: each picture is cut into RTP once for all clients.

`python -m bench.rtsp_server FILM.mp4` prints its port and serves until its standard input closes. RTP over
the RTSP connection only (RFC 2326, 6184, 7798). What a client does not take in time is left out, as
cameras do.
"""

import asyncio
import base64
import itertools
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import av

PAYLOAD = 1400
BACKLOG = 16 << 20
"""Bytes that may wait for a client; beyond it pictures are left out."""


@dataclass(frozen=True)
class Film:
    """`pictures` are lists of NAL units; every keyframe brings its parameter sets along."""

    codec: str
    sets: list[bytes]
    pictures: list[list[bytes]]
    rate: int


def load(path: Path) -> Film:
    with av.open(str(path), "r") as container:
        stream = container.streams.video[0]
        codec = stream.codec_context.name
        sets = record_units(codec, stream.codec_context.extradata or b"")
        pictures = []
        for packet in container.demux(stream):
            if packet.size:
                units = split(bytes(packet), 4)
                pictures.append([*sets, *units] if packet.is_keyframe else units)
        return Film(codec, sets, pictures, round(float(stream.average_rate or 30)))


def split(data: bytes, size: int) -> list[bytes]:
    """Units of a packet whose lengths are `size` bytes."""
    units, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + size], "big")
        units.append(data[at + size : at + size + length])
        at += size + length
    return units


def record_units(codec: str, record: bytes) -> list[bytes]:
    """Parameter sets of an avcC or hvcC record."""
    units: list[bytes] = []
    if codec == "h264":
        at = 5
        for mask in (0x1F, 0xFF):
            count, at = record[at] & mask, at + 1
            for _ in range(count):
                size = int.from_bytes(record[at : at + 2], "big")
                units.append(record[at + 2 : at + 2 + size])
                at += 2 + size
        return units
    at = 23
    for _ in range(record[22]):
        count, at = int.from_bytes(record[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2], "big")
            units.append(record[at + 2 : at + 2 + size])
            at += 2 + size
    # The SEI with the encoder's options is of no use to a player.
    return [unit for unit in units if unit[0] >> 1 & 0x3F in (32, 33, 34)]


def payloads(codec: str, unit: bytes) -> list[bytes]:
    """The RTP payloads of one unit: itself, or its fragments (FU-A, FU)."""
    if len(unit) <= PAYLOAD:
        return [unit]
    if codec == "h264":
        head, kind, body = bytes([unit[0] & 0xE0 | 28]), unit[0] & 0x1F, unit[1:]
    else:
        head, kind, body = bytes([unit[0] & 0x81 | 49 << 1, unit[1]]), unit[0] >> 1 & 0x3F, unit[2:]
    pieces = [body[at : at + PAYLOAD - 3] for at in range(0, len(body), PAYLOAD - 3)]
    marks = [0x80, *[0] * (len(pieces) - 2), 0x40]
    return [head + bytes([kind | mark]) + piece for mark, piece in zip(marks, pieces, strict=True)]


class Packetiser:
    """Pictures to the bytes that all clients get: interleaved RTP."""

    def __init__(self, film: Film) -> None:
        self._pictures = [
            [payload for unit in units for payload in payloads(film.codec, unit)] for units in film.pictures
        ]
        self._sequence = 0

    def picture(self, number: int, timestamp: int) -> bytes:
        pieces = self._pictures[number % len(self._pictures)]
        out: list[bytes] = []
        for index, payload in enumerate(pieces):
            marker = 0x80 if index == len(pieces) - 1 else 0
            out.append(
                struct.pack(
                    "!BBHBBHII",
                    0x24,
                    0,
                    12 + len(payload),
                    0x80,
                    marker | 96,
                    self._sequence,
                    timestamp & 0xFFFFFFFF,
                    1,
                )
            )
            out.append(payload)
            self._sequence = self._sequence + 1 & 0xFFFF
        return b"".join(out)


def sdp(film: Film) -> str:
    sets = [base64.b64encode(unit).decode() for unit in film.sets]
    if film.codec == "h264":
        form = f"packetization-mode=1;sprop-parameter-sets={','.join(sets)}"
    else:
        form = f"sprop-vps={sets[0]};sprop-sps={sets[1]};sprop-pps={sets[2]}"
    name = "H264" if film.codec == "h264" else "H265"
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=bench\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\n"
        f"c=IN IP4 0.0.0.0\r\na=rtpmap:96 {name}/90000\r\na=fmtp:96 {form}\r\na=control:track1\r\n"
    )


class Server:
    """Sends picture after picture, in real time, to whoever plays."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._sdp = sdp(film)
        self._playing: set[asyncio.StreamWriter] = set()

    async def serve(self) -> None:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        pump = asyncio.create_task(self._pump())
        await asyncio.to_thread(sys.stdin.read)
        pump.cancel()

    async def _pump(self) -> None:
        packetiser = Packetiser(self._film)
        began = time.monotonic()
        for number in itertools.count():
            await asyncio.sleep(max(0.0, began + number / self._film.rate - time.monotonic()))
            data = packetiser.picture(number, number * 90_000 // self._film.rate)
            for client in list(self._playing):
                if client.transport.get_write_buffer_size() <= BACKLOG:
                    client.write(data)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                if (first := await reader.readexactly(1)) == b"$":
                    channel_and_size = await reader.readexactly(3)
                    await reader.readexactly(int.from_bytes(channel_and_size[1:], "big"))  # RTCP
                    continue
                request = (first + await reader.readuntil(b"\r\n\r\n")).decode()
                method = request.split(" ", 1)[0]
                writer.write(self._answer(method, request))
                if method == "PLAY":
                    self._playing.add(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._playing.discard(writer)
            writer.close()

    def _answer(self, method: str, request: str) -> bytes:
        number = next(line for line in request.split("\r\n") if line.lower().startswith("cseq"))
        extra, body = "Session: 1\r\n", ""
        if method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
        elif method == "DESCRIBE":
            body = self._sdp
            extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            extra += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        return f"RTSP/1.0 200 OK\r\n{number}\r\n{extra}\r\n{body}".encode()


if __name__ == "__main__":
    asyncio.run(Server(load(Path(sys.argv[1]))).serve())
