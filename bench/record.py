"""Recording N cameras: ours against one `ffmpeg -c copy -f segment -segment_time 1` for each camera.

Ours is the recorder process with the real ledger: a ring of 3.5 s for each camera, each part hashed, file,
folder and database fsynced. (The app that it belongs to is on no side, as little as what would start and
watch eight ffmpegs.) Both sides record the same RTSP streams at the same time, so that whatever else the
machine does falls on both alike. Measured, after everybody is up:

- CPU: user + system time of each side's processes;
- memory: the peak of their summed RSS, sampled twice a second; PSS, which counts the pages that ffmpegs share
  only once, is in the JSON;
- dropped: pictures missing between the first and the last one stored, found by comparing what was stored
  with what was sent, picture by picture.

`python -m bench.record --cameras 1 4 8 --codec h264 h265 --shape 1080p30 4k15 --seconds 30 --json FILE`
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import psutil

from packwitness.station.spool.layout import Layout

ENCODERS = {"h264": "libx264", "h265": "libx265"}
FILM_SECONDS = 8


@dataclass(frozen=True)
class Shape:
    """What a camera sends: pixels, pictures a second, bits a second."""

    width: int
    height: int
    rate: int
    bits: int


SHAPES = {"1080p30": Shape(1920, 1080, 30, 6_800_000), "4k15": Shape(3840, 2160, 15, 12_000_000)}


@dataclass(frozen=True)
class Row:
    """One line of the table. CPU in seconds of one core for each camera and minute, memory in MB."""

    cameras: int
    codec: str
    shape: str
    seconds: float
    cpu_ratio: float
    memory_ratio: float
    dropped: int
    dropped_ffmpeg: int
    cpu: float
    cpu_ffmpeg: float
    memory: float
    memory_ffmpeg: float
    pss: float
    pss_ffmpeg: float
    stored_mb: float


# --- what is filmed ---


def make_film(path: Path, codec: str, shape: Shape) -> None:
    """A bench with grain and something that moves over it, a keyframe each second."""
    width, height, rate = shape.width, shape.height, shape.rate
    rng = np.random.default_rng(7)
    grain = rng.integers(0, 12, (height + 64, width + 64), dtype=np.uint8)
    blocks = rng.integers(40, 190, (height // 60, width // 60), dtype=np.uint8)
    bench = blocks.repeat(60, 0).repeat(60, 1)
    hand = rng.integers(20, 220, (300, 300), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(ENCODERS[codec], rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = shape.bits
        # One slice a picture and a steady rate, as cameras send.
        keys = f"keyint={rate}:min-keyint={rate}:scenecut=0:bframes=0:slices=1"
        keys += f":vbv-maxrate={shape.bits // 1000}:vbv-bufsize={shape.bits // 2000}"
        extra = ":sliced-threads=0" if codec == "h264" else ":log-level=none"
        name = "x264-params" if codec == "h264" else "x265-params"
        stream.options = {"preset": "ultrafast", name: keys + extra}
        chroma = np.full((height // 2, width), 128, np.uint8)
        for index in range(rate * FILM_SECONDS):
            luma = bench.copy()
            across = abs(index * 12 % 2400 - 1200)
            luma[400:700, across : across + 300] = hand
            down, right = rng.integers(0, 64, 2)
            luma += grain[down : down + height, right : right + width]
            frame = av.VideoFrame.from_ndarray(np.vstack([luma, chroma]), format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def pictures(path: Path) -> list[int]:
    """A check sum of each picture's last NAL unit, which no muxer touches."""
    sums = []
    with av.open(str(path), "r") as container:
        for packet in container.demux(video=0):
            data = bytes(packet)
            at, last = 0, b""
            while at < len(data):
                size = int.from_bytes(data[at : at + 4], "big")
                last = data[at + 4 : at + 4 + size]
                at += 4 + size
            if last:
                sums.append(zlib.crc32(last))
    return sums


def missing(film: list[int], stored: list[int]) -> int:
    """How many pictures of the looped film lie between those that were stored."""
    places = [film.index(one) for one in stored]
    return sum((after - before - 1) % len(film) for before, after in pairwise(places))


# --- what was stored ---


def join_films(root: Path, take: str, into: Path) -> list[Path]:
    """Each camera's init and parts as one file."""
    films = []
    for folder in sorted((Layout(root).take(take) / "parts").iterdir()):
        target = into / f"{folder.name}.mp4"
        (init,) = folder.glob("init-*.mp4")
        with target.open("wb") as film:
            for piece in [init, *sorted(folder.glob("*.m4s"))]:
                film.write(piece.read_bytes())
        films.append(target)
    return films


# --- the other side ---


def start_ffmpeg(url: str, folder: Path) -> "subprocess.Popen[bytes]":
    folder.mkdir(parents=True)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp"]
    command += ["-i", url, "-c", "copy", "-f", "segment", "-segment_time", "1", str(folder / "%06d.mp4")]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


# --- measuring ---


class Piped:
    """A program that says something when it is ready, and ends when its standard input does."""

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def end(self) -> None:
        self._process.communicate(timeout=60)


@contextmanager
def piped(module: str, *arguments: str) -> Iterator[Piped]:
    """A program for the length of a block."""
    program = Piped(module, *arguments)
    try:
        yield program
    finally:
        program.end()


class Tree:
    """CPU and memory of some processes and all their children."""

    def __init__(self, roots: list[int]) -> None:
        self._roots = [psutil.Process(pid) for pid in roots]
        self.rss = self.pss = 0

    def _all(self) -> list[psutil.Process]:
        return [one for root in self._roots for one in (root, *root.children(recursive=True))]

    def cpu(self) -> float:
        """User + system seconds so far."""
        times = [process.cpu_times() for process in self._all()]
        return sum(one.user + one.system for one in times)

    def sample(self) -> None:
        """Note the memory in use."""
        figures = [process.memory_full_info() for process in self._all()]
        self.rss = max(self.rss, sum(one.rss for one in figures))
        self.pss = max(self.pss, sum(one.pss for one in figures))


def measure(film: Path, codec: str, shape: str, cameras: int, seconds: float, work: Path) -> Row:
    """One run of both sides."""
    with ExitStack() as stack:
        server = stack.enter_context(piped("bench.rtsp_server", str(film)))
        port = int(server.line())
        urls = [f"rtsp://127.0.0.1:{port}/camera-{number}" for number in range(cameras)]

        station = stack.enter_context(piped("bench.record_station", str(work / "station"), *urls))
        ffmpegs = [start_ffmpeg(url, work / "ffmpeg" / str(number)) for number, url in enumerate(urls)]
        for one in ffmpegs:
            stack.callback(one.kill)
        take, recorder = station.line().split()
        time.sleep(5)  # rings fill, segments begin

        our_tree, their_tree = Tree([int(recorder)]), Tree([one.pid for one in ffmpegs])
        began, our_cpu, their_cpu = time.monotonic(), our_tree.cpu(), their_tree.cpu()
        while time.monotonic() - began < seconds:
            our_tree.sample()
            their_tree.sample()
            time.sleep(0.5)
        lasted = time.monotonic() - began
        our_cpu, their_cpu = our_tree.cpu() - our_cpu, their_tree.cpu() - their_cpu

        station.end()
        for one in ffmpegs:
            one.terminate()
            one.wait(30)
    (work / "joined").mkdir()
    films = join_films(work / "station", take, work / "joined")
    source = pictures(film)
    theirs_stored = [
        [one for segment in whole_segments(work / "ffmpeg" / str(number)) for one in pictures(segment)]
        for number in range(cameras)
    ]
    per = 60 / lasted / cameras
    return Row(
        cameras=cameras,
        codec=codec,
        shape=shape,
        seconds=round(lasted, 1),
        cpu_ratio=round(our_cpu / their_cpu, 3),
        memory_ratio=round(our_tree.rss / their_tree.rss, 3),
        dropped=sum(missing(source, pictures(one)) for one in films),
        dropped_ffmpeg=sum(missing(source, stored) for stored in theirs_stored),
        cpu=round(our_cpu * per, 3),
        cpu_ffmpeg=round(their_cpu * per, 3),
        memory=round(our_tree.rss / 1e6, 1),
        memory_ffmpeg=round(their_tree.rss / 1e6, 1),
        pss=round(our_tree.pss / 1e6, 1),
        pss_ffmpeg=round(their_tree.pss / 1e6, 1),
        stored_mb=round(sum(one.stat().st_size for one in films) / 1e6, 1),
    )


def whole_segments(folder: Path) -> list[Path]:
    """All but the last, which FFmpeg may not have finished."""
    return sorted(folder.glob("*.mp4"))[:-1]


def main(arguments: list[str]) -> int:
    """Run what is asked for, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.record", description=__doc__.splitlines()[0])
    parser.add_argument("--cameras", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--codec", nargs="+", choices=list(ENCODERS), default=["h264", "h265"])
    parser.add_argument("--shape", nargs="+", choices=list(SHAPES), default=["1080p30"])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    rows: list[Row] = []
    columns = "{:>7} {:>5} {:>7} {:>14} {:>14} {:>9} {:>14} {:>14} {:>9} {:>9} {:>9}"
    heads = ("cpu s/min", "ffmpeg", "ratio", "memory MB", "ffmpeg", "ratio", "dropped", "ffmpeg")
    print(columns.format("cameras", "codec", "shape", *heads), flush=True)
    with tempfile.TemporaryDirectory(prefix="packwitness-bench-") as folder:
        for codec, shape in product(chosen.codec, chosen.shape):
            film = Path(folder) / f"{codec}-{shape}.mp4"
            make_film(film, codec, SHAPES[shape])
            for cameras in chosen.cameras:
                work = Path(folder) / f"{codec}-{shape}-{cameras}"
                row = measure(film, codec, shape, cameras, chosen.seconds, work)
                rows.append(row)
                cpu = (row.cpu, row.cpu_ffmpeg, row.cpu_ratio)
                memory = (row.memory, row.memory_ffmpeg, row.memory_ratio)
                dropped = (row.dropped, row.dropped_ffmpeg)
                print(columns.format(cameras, codec, shape, *cpu, *memory, *dropped), flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
