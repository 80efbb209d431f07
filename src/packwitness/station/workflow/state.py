"""What the engine remembers of a bench between two events."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from packwitness.station.workflow.effects import Phase, Show, Tone


@dataclass(frozen=True, slots=True)
class InView:
    """A label that a camera sees. ``taken``: it has had its take, so it starts none by merely lying there."""

    code: str
    symbology: str
    since_ns: int
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Face:
    """What the packer sees beside the phase. ``until_ns`` None: it stands until something takes it away."""

    tone: Tone
    message: str
    code: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    until_ns: int | None = None


READY = Face(Tone.CALM, "ready")


@dataclass(frozen=True, slots=True)
class State:
    """A bench. ``code`` is the running take's, empty without one; ``obstacles`` are what keeps a take from
    starting."""

    phase: Phase = Phase.IDLE
    face: Face = READY
    code: str = ""
    by_camera: bool = False
    """The running take was started by a label laid in view."""
    in_view: tuple[InView, ...] = ()
    """Oldest first."""
    alarms: tuple[Face, ...] = ()
    """What is wrong with the running take until it is put right or the take ends, newest last."""
    failed: Face | None = None
    """What is shown of the parcel whose take could not be started, until it is lifted or a take has run."""
    failed_ns: int = 0
    """When that was; a label in view is tried again ``message_ms`` later."""
    obstacles: tuple[str, ...] = ()
    """``no_camera``, ``disk_full``; the first is the one spoken of."""
    touched_ns: int = 0
    """When the packer last did something."""

    def base_face(self) -> Face:
        """Return what is shown when there is nothing passing to say."""
        if self.alarms:
            red = [alarm for alarm in self.alarms if alarm.tone is Tone.REFUSED]
            return (red or self.alarms)[-1]
        match self.phase:
            case Phase.IDLE:
                return self.failed or READY
            case Phase.RECORDING:
                return Face(Tone.RECORDING, "filming", self.code)
            case Phase.PAUSED:
                return Face(Tone.WARNING, "paused", self.code)
            case Phase.BLOCKED:
                return Face(Tone.REFUSED, self.obstacles[0])

    def label(self, code: str) -> InView | None:
        """Return the label with this code if it is in view."""
        return next((label for label in self.in_view if label.code == code), None)

    def others(self) -> tuple[InView, ...]:
        """Labels in view that wait for their take, the running one's left out."""
        return tuple(label for label in self.in_view if label.code != self.code and not label.taken)

    def show(self) -> Show:
        """Return this state as the kiosk is told of it."""
        return Show(self.phase, self.face.tone, self.face.message, self.face.code, self.face.values)
