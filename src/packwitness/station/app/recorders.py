"""The recorder processes of a station: a bench is never split between two, small benches share one.

A crash in a camera's driver takes its process along, so that the fewer benches share a process, the fewer
films get a gap; but each process costs memory.
"""

from collections.abc import Callable, Iterable, Sequence

from packwitness.station.cameras.kinds import with_sound
from packwitness.station.config import CameraSettings
from packwitness.station.recorder import messages as recorder
from packwitness.station.recorder.supervisor import RecorderSupervisor

type MakeSupervisor = Callable[[Sequence[recorder.CameraSpec]], RecorderSupervisor]


def grouped(benches: Iterable[Sequence[CameraSettings]], *, limit: int) -> list[list[recorder.CameraSpec]]:
    """Share the benches' cameras out over processes of up to `limit`; a bench with more has its own."""
    groups: list[list[recorder.CameraSpec]] = []
    for cameras in benches:
        specs = [
            recorder.CameraSpec(
                camera.id, with_sound(camera.url) if camera.audio else camera.url, camera.look_url
            )
            for camera in cameras
        ]
        if not specs:
            continue
        if groups and len(groups[-1]) + len(specs) <= limit:
            groups[-1] += specs
        else:
            groups.append(specs)
    return groups


class Recorders:
    """Hands each order to the process that has the camera. Used by one thread."""

    def __init__(self, groups: Sequence[Sequence[recorder.CameraSpec]], *, make: MakeSupervisor) -> None:
        self.all = [make(group) for group in groups]
        self._of = {
            spec.id: supervisor for group, supervisor in zip(groups, self.all, strict=True) for spec in group
        }
        self._filming: dict[str, RecorderSupervisor] = {}

    def start(self) -> None:
        """Start all processes."""
        for one in self.all:
            one.start()

    def send(self, order: recorder.Order) -> None:
        """Have an order obeyed by the process whose cameras it names.

        Raises:
            ValueError: it names a camera of none.
        """
        match order:
            case recorder.StartTake():
                self._filming[order.take] = self._by_camera(order.cameras[0])
                self._filming[order.take].send(order)
            case recorder.StopTake():
                if order.take in self._filming:
                    self._filming[order.take].send(order)
            case recorder.Watch() | recorder.Look():
                self._by_camera(order.camera).send(order)
            case recorder.Quit():
                for one in self.all:
                    one.send(order)

    def closed(self, take: str) -> None:
        """Forget a take whose film is closed."""
        self._filming.pop(take, None)

    def _by_camera(self, camera: str) -> RecorderSupervisor:
        try:
            return self._of[camera]
        except KeyError:
            raise ValueError(f"No recorder has a camera {camera}.") from None
