"""The drawn bench as a live camera."""

import itertools
import os
import threading
import time
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from packwitness.station.cameras.camera import CameraPacket, NotFound, StreamInfo
from packwitness.station.cameras.scene import CYCLE_SECONDS, FPS, FRAMES, ClipStore, View
from packwitness.station.cameras.scene.lens import HEIGHT, WIDTH
from packwitness.station.cameras.scene.relief import Pixels
from packwitness.station.cameras.scene_camera import SceneCamera

NANO = 1_000_000_000


def draw_plain(index: int, view: View) -> Iterator[Pixels]:
    """A cycle without a bench in it, which is what takes long to draw."""
    plain = np.full((HEIGHT, WIDTH, 3), 60 + 20 * (index % 5), np.uint8)
    return itertools.repeat(plain, FRAMES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scene")


def plain_camera(folder: Path, view: View, *, epoch: float) -> SceneCamera:
    return SceneCamera(folder, view, epoch=epoch, store=ClipStore(folder, draw=draw_plain, edition="plain"))


def first(camera: SceneCamera, count: int) -> tuple[StreamInfo, list[CameraPacket]]:
    stop = threading.Event()
    items = camera.stream(stop)
    info, *rest = islice(items, count + 1)
    stop.set()
    assert list(items) == []
    assert isinstance(info, StreamInfo)
    return info, [item for item in rest if isinstance(item, CameraPacket)]


def test_plays_in_real_time_and_views_are_in_step(folder: Path) -> None:
    # Cycle 0 runs now, and there is time to draw it.
    epoch = time.monotonic() - 1
    views: tuple[View, View] = ("overhead", "label")
    for view in views:
        first(plain_camera(folder, view, epoch=epoch), 1)
    epoch = time.monotonic() - 5.5
    for view in views:
        info, packets = first(plain_camera(folder, view, epoch=epoch), 30)
        assert (info.codec, info.width, info.height) == ("h264", 1280, 720)
        assert packets[0].key
        assert {after.pts - before.pts for before, after in pairwise(packets)} == {1}
        for packet in packets:
            # What is seen is where the bench stands at that moment, by the one clock.
            assert packet.arrival_ns == int(epoch * NANO) + packet.pts * NANO // FPS
        assert abs(time.monotonic_ns() - packets[-1].arrival_ns) < NANO
        decoder = av.CodecContext.create("h264", "r")
        decoder.extradata = info.extradata
        assert len(decoder.decode(av.Packet(packets[0].data)) + decoder.decode(None)) == 1


def test_goes_on_into_the_next_cycle(folder: Path) -> None:
    camera = plain_camera(folder, "label", epoch=time.monotonic() - CYCLE_SECONDS + 1)
    # The next parcel is drawn while the last second of this one plays; should that not do, it plays from
    # where the bench is by then.
    _, packets = first(camera, 20)
    assert packets[0].pts < FRAMES <= packets[-1].pts
    assert [packet.key for packet in packets if packet.pts % FPS == 0] == [True] * sum(
        packet.pts % FPS == 0 for packet in packets
    )
    assert [packet.pts for packet in packets] == sorted({packet.pts for packet in packets})


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(NotFound):
        list(SceneCamera(blocked / "scene", "label").stream(threading.Event()))


def test_a_slow_machine_shows_a_parcel_that_is_drawn(tmp_path: Path) -> None:
    store = ClipStore(tmp_path, draw=draw_plain, edition="plain")
    views: tuple[View, View] = ("overhead", "label")
    long_ago = time.time() - 60
    for view in views:
        os.utime(store.clip(2, view), (long_ago, long_ago))
    store.clip(5, "label")  # only one view has it

    def too_slow(index: int, view: View) -> Iterator[Pixels]:
        raise AssertionError(f"parcel {index} is drawn while {view} should be playing")

    slow = ClipStore(tmp_path, draw=too_slow, edition="plain")
    # Cycle 5 runs now.
    epoch = time.monotonic() - 5 * CYCLE_SECONDS - 3
    for view in views:
        camera = SceneCamera(tmp_path, view, epoch=epoch, store=slow)
        _, packets = first(camera, 1)
        assert packets[0].key
    assert slow.drawn(before=time.time() - 30) == [2]
