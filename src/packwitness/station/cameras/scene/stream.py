"""The drawn bench as an endless live stream: clip after clip, each view at the same moment of the same
parcel.
"""

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av

from packwitness.station.cameras.camera import StreamInfo
from packwitness.station.cameras.scene.clips import ClipStore, parameter_sets
from packwitness.station.cameras.scene.lens import HEIGHT, WIDTH, View
from packwitness.station.cameras.scene.parcels import PARCELS, SceneParcel
from packwitness.station.cameras.scene.timing import CYCLE_SECONDS, FPS, FRAMES

KEPT_IN_MEMORY = 2  # cycles: the one that plays and the one that comes


class SceneBroken(Exception):
    """A clip cannot be played even after it was drawn afresh."""


class ScenePacket(NamedTuple):
    """One encoded picture of a cycle: length-prefixed H.264, as `StreamInfo.extradata` (avcC) says."""

    pts_seconds: float
    data: bytes
    key: bool


class Scene:
    """One view of the bench. Cycle k, `CYCLE_SECONDS` long, shows parcel k modulo `len(PARCELS)`.

    Views that are given the same `epoch` (seconds, on whatever clock the caller asks with) are in step.
    """

    def __init__(
        self, folder: Path, view: View, *, epoch: float = 0.0, store: ClipStore | None = None
    ) -> None:
        self.view: View = view
        self._epoch = epoch
        self._store = store or ClipStore(folder)
        self._cycles: OrderedDict[int, tuple[ScenePacket, ...]] = OrderedDict()
        self._lock = threading.Lock()
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"scene-{view}")
        self._coming: Future[Path] | None = None

    def cycle_at(self, seconds: float) -> tuple[int, float]:
        """(cycle, seconds into it) at a moment of the clock that `epoch` belongs to."""
        cycle, into = divmod(seconds - self._epoch, CYCLE_SECONDS)
        return int(cycle), into

    def parcel(self, index: int) -> SceneParcel:
        """The parcel that cycle `index` shows."""
        return PARCELS[index % len(PARCELS)]

    def shown(self, cycle: int, *, before: float) -> int:
        """The parcel to show in a cycle: its own, or, where a slow machine has not drawn that yet, one that
        all views had a clip of `before` (seconds of the wall clock), so that every view chooses the same.
        """
        own, drawn = cycle % len(PARCELS), self._store.drawn(before=before)
        return own if own in drawn or not drawn else drawn[cycle % len(drawn)]

    def info(self) -> StreamInfo:
        """How to decode every packet of this view; known before anything is drawn."""
        return StreamInfo("h264", WIDTH, HEIGHT, parameter_sets(), Fraction(1, FPS), Fraction(FPS))

    def packets(self, index: int) -> tuple[ScenePacket, ...]:
        """All `FRAMES` packets of cycle `index`, in order, a keyframe first and one each second.

        Takes seconds if the clip is not drawn yet: see `prefetch`.

        Raises:
            OSError: the folder cannot be written.
            SceneBroken: see there.
        """
        place = index % len(PARCELS)
        with self._lock:
            known = self._cycles.get(place)
            if known is None:
                known = self._cycles[place] = self._read(place)
                while len(self._cycles) > KEPT_IN_MEMORY:
                    self._cycles.popitem(last=False)
            self._cycles.move_to_end(place)
            return known

    def prefetch(self, index: int) -> None:
        """Have the clip of cycle `index` drawn in the background, one at a time. Returns at once."""
        running = self._coming is not None and not self._coming.done()
        if not running and not self._store.ready(index, self.view):
            self._coming = self._ahead.submit(self._store.clip, index, self.view)

    def close(self) -> None:
        """Waits for a clip that is being drawn."""
        self._ahead.shutdown(wait=True, cancel_futures=True)

    def _read(self, place: int) -> tuple[ScenePacket, ...]:
        try:
            return self._demuxed(self._store.clip(place, self.view))
        except (SceneBroken, av.FFmpegError):
            # A disk that lost bytes, or a file of another making: drawing it again is quicker than asking
            # why.
            self._store.discard(place, self.view)
        try:
            return self._demuxed(self._store.clip(place, self.view))
        except av.FFmpegError as error:
            raise SceneBroken(f"The drawn clip of parcel {place} cannot be read: {error}.") from error

    def _demuxed(self, path: Path) -> tuple[ScenePacket, ...]:
        found: list[ScenePacket] = []
        with av.open(path) as container:
            stream = container.streams.video[0]
            extradata = stream.codec_context.extradata or b""
            for packet in container.demux(stream):
                if packet.pts is not None:
                    found.append(ScenePacket(len(found) / FPS, bytes(packet), packet.is_keyframe))
        keys = [number for number, packet in enumerate(found) if packet.key]
        if len(found) != FRAMES or keys != list(range(0, FRAMES, FPS)):
            raise SceneBroken(f"{path.name} holds {len(found)} pictures with {len(keys)} keyframes.")
        if extradata != parameter_sets():
            raise SceneBroken(f"{path.name} was encoded with other settings than the stream it belongs to.")
        return tuple(found)
