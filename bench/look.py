"""What looking for labels costs a recorder: in the film's stream, and in the camera's smaller one.

    python -m bench.look [--seconds 15]

One camera over RTSP, 1920x1080 at 30 pictures a second, with a label in view and a hand that moves; its
smaller stream is 640x360 at 15. Prints the recorder's CPU, in hundredths of one core, filming nothing and
looking not at all, at the film, and at the smaller stream.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import zxingcpp

from packwitness.station.cameras.kinds import open_camera
from packwitness.station.recorder.messages import CameraSpec, CameraUp, Look, Report, Sighting
from packwitness.station.recorder.supervisor import RecorderSupervisor
from packwitness.station.triggers.reading import CodeReader
from tests.station.recorder.folder_store import FolderStore

LABEL = "607812345678"


def make(path: Path, *, size: tuple[int, int], rate: int, seconds: int = 6) -> Path:
    """A bench with a label a third as wide as the picture, noise, and something dark that moves."""
    width, height = size
    rng = np.random.default_rng(1)
    code = zxingcpp.create_barcode(LABEL, zxingcpp.BarcodeFormat.Code128)
    label = cv2.resize(np.array(code.to_image(scale=8)), (1280, 400), interpolation=cv2.INTER_AREA)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "26"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = rate
        for number in range(seconds * rate):
            whole = np.full((1080, 1920), 120, np.uint8)
            whole[200:600, 300:1580] = label
            at = round(number / rate * 250)
            whole[700:1000, at : at + 300] = 50
            noise = rng.normal(0, 4, whole.shape)
            picture = cv2.resize(
                np.clip(whole + noise, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_AREA
            )
            frame = av.VideoFrame.from_ndarray(np.asarray(picture, np.uint8), format="gray8").reformat(
                format="yuv420p"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def measure(urls: tuple[str, str], look: Look | None, seconds: float) -> tuple[float, float, float]:
    """CPU of the recorder in cores, looks a second, and the share in which the label was read."""
    up = threading.Event()
    seen: list[bool] = []

    def note(report: Report) -> None:
        if isinstance(report, CameraUp):
            up.set()
        if isinstance(report, Sighting):
            seen.append(bool(report.codes))

    with tempfile.TemporaryDirectory() as folder:
        supervisor = RecorderSupervisor(
            [CameraSpec("c", *urls)],
            open_camera=open_camera,
            open_store=partial(FolderStore, Path(folder)),
            on_message=note,
            look=CodeReader(),
        )
        supervisor.start()
        try:
            assert up.wait(20)
            if look is not None:
                supervisor.send(look)
            time.sleep(3)
            process = psutil.Process(supervisor.pid)
            before, began, count = process.cpu_times(), time.monotonic(), len(seen)
            time.sleep(seconds)
            after, took = process.cpu_times(), time.monotonic() - began
        finally:
            supervisor.close()
    looks = seen[count:]
    cpu = (after.user + after.system - before.user - before.system) / took
    return cpu, len(looks) / took, sum(looks) / len(looks) if looks else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        films = [
            make(Path(folder, "film.mp4"), size=(1920, 1080), rate=30),
            make(Path(folder, "smaller.mp4"), size=(640, 360), rate=15),
        ]
        servers = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.rtsp_server", str(film)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for film in films
        ]  # fmt: skip
        try:
            ports = [server.stdout.readline().split()[-1] for server in servers if server.stdout]
            urls = (f"rtsp://127.0.0.1:{ports[0]}/0", f"rtsp://127.0.0.1:{ports[1]}/0")
            ways = {
                "not looking": None,
                "at the film": Look("c", True),
                "smaller": Look("c", True, second=True),
            }
            for name, look in ways.items():
                cpu, rate, read = measure(urls, look, seconds)
                print(
                    f"{name:12} {cpu * 100:6.1f} % of a core   {rate:4.1f} looks/s   label read in {read:.0%}"
                )
        finally:
            for server in servers:
                server.communicate()


if __name__ == "__main__":
    main()
