"""The drawn bench as a camera: endless, in real time, all views in step."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from packwitness.station.cameras.camera import Broken, CameraPacket, Clock, NotFound, StreamInfo
from packwitness.station.cameras.scene import CYCLE_SECONDS, FPS, FRAMES, ClipStore, Scene, SceneBroken, View

NANO = 1_000_000_000
SETTLED_SECONDS = 1.0


class SceneCamera:
    """`view` of the bench drawn in `folder`.

    `epoch` is the moment of the monotonic clock at which the first parcel's cycle begins. It is the system's
    clock, so cameras with the same epoch are in step, even in different processes and after a restart. Until
    then nothing is sent.
    """

    def __init__(
        self,
        folder: Path,
        view: View,
        *,
        epoch: float = 0.0,
        clock: Clock = time.monotonic_ns,
        store: ClipStore | None = None,
    ) -> None:
        self._folder = folder
        self._store = store
        self._view: View = view
        self._epoch = epoch
        self._clock = clock

    def stream(self, stop: threading.Event) -> Iterator[StreamInfo | CameraPacket]:
        """See `Camera.stream`. The first cycle may take seconds to draw; later ones are drawn one ahead."""
        scene = Scene(self._folder, self._view, epoch=self._epoch, store=self._store)
        try:
            yield scene.info()
            # Nothing is to be seen before the first cycle.
            stop.wait(max(0.0, self._epoch - self._clock() / NANO))
            while not stop.is_set():
                yield from self._cycle(scene, stop)
        except SceneBroken as error:
            raise Broken(str(error)) from error
        except OSError as error:
            raise NotFound(f"The scene's folder {self._folder} cannot be used: {error.strerror}.") from error
        finally:
            scene.close()

    def _cycle(self, scene: Scene, stop: threading.Event) -> Iterator[CameraPacket]:
        """Play the cycle that runs now to its end."""
        cycle, passed = scene.cycle_at(self._clock() / NANO)
        # A clip that became whole just now may be seen by one view and missed by another.
        packets = scene.packets(scene.shown(cycle, before=time.time() - passed - SETTLED_SECONDS))
        scene.prefetch(cycle + 1)
        # Drawing took its time: go on where the bench is now, from the keyframe before.
        running, into = scene.cycle_at(self._clock() / NANO)
        if running != cycle:
            return
        first = int(into * FPS)
        while not packets[first].key:
            first -= 1
        began = int((self._epoch + cycle * CYCLE_SECONDS) * NANO)
        for number, packet in enumerate(packets[first:], start=first):
            due = began + number * NANO // FPS
            if stop.wait(max(0.0, (due - self._clock()) / NANO)):
                return
            count = cycle * FRAMES + number
            yield CameraPacket(packet.data, count, count, 1, packet.key, due)
        stop.wait(max(0.0, (began + CYCLE_SECONDS * NANO - self._clock()) / NANO))
