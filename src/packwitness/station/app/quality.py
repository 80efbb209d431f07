"""What the cameras of a bench give less of than they should, and what of their films is our own making: for
the screen as long as it is so, and for the manifest of every film in which it was so.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from packwitness.station.kiosk.view import WarningView
from packwitness.station.recorder import messages as recorder
from packwitness.station.workflow.effects import Note

type Told = recorder.SoundMissing | recorder.SoundBack | recorder.FewPictures | recorder.EnoughPictures
type About = recorder.CameraUp | Told
"""The reports that are understood here."""
REASONS = frozenset(
    (
        *("stalled", "unauthorised", "refused", "unreachable", "wrong_codec", "no_frames", "overloaded"),
        *("busy", "not_allowed", "no_device", "no_such_format"),
    )
)
"""Why a camera gives no picture, where the packer or the supervisor can do something about just that."""
TOLD = (recorder.SoundMissing, recorder.SoundBack, recorder.FewPictures, recorder.EnoughPictures)


class Quality:
    """Of one bench's cameras. Decides, and touches nothing."""

    def __init__(self) -> None:
        self._why: dict[str, str] = {}
        """Why cameras that give no pictures do not."""
        self._mute: set[str] = set()
        """Cameras whose sound is wanted and does not come."""
        self._slow: dict[str, tuple[int, int]] = {}
        """Cameras that give few pictures: how many a second, and how many they promised."""
        self._encoded: dict[str, str] = {}
        """Cameras whose pictures are encoded here, and what they send."""

    def heard(self, report: About) -> Note | None:
        """Take a report; return what a film that runs now has to say of it."""
        camera = report.camera
        match report:
            case recorder.CameraUp():
                return self._up(camera, report.facts.encoded_from)
            case recorder.SoundMissing():
                known = camera in self._mute
                self._mute.add(camera)
                return None if known else no_sound(camera)
            case recorder.SoundBack():
                known = camera in self._mute
                self._mute.discard(camera)
                return _noted({"note": "sound_back", "camera": camera}) if known else None
            case recorder.FewPictures():
                self._slow[camera] = report.given, report.promised
                return few_pictures(camera, report.given, report.promised)
            case recorder.EnoughPictures():
                was_slow = self._slow.pop(camera, None) is not None
                return _noted({"note": "enough_pictures", "camera": camera}) if was_slow else None

    def _up(self, camera: str, encoded_from: str | None) -> Note | None:
        before = self._encoded.pop(camera, None)
        if encoded_from is None:
            return None
        self._encoded[camera] = encoded_from
        return None if before == encoded_from else encoded(camera, encoded_from)

    def camera_gone(self, camera: str, code: str) -> None:
        """It gives no pictures, for the reason that the recorder's ``code`` says; so nobody can say how many.
        Of its sound the recorder tells.
        """
        self._why[camera] = code
        self._slow.pop(camera, None)

    def lost(self, titles: Mapping[str, str]) -> list[WarningView]:
        """For the screen; ``titles`` are the cameras that give no pictures, and their names for people."""
        return [
            WarningView(
                f"camera_{why}" if (why := self._why.get(one, "")) in REASONS else "camera_lost",
                {"camera": title},
            )
            for one, title in titles.items()
        ]

    def recorder_gone(self, camera: str) -> None:
        """The process that knew is gone; the next one tells anew."""
        self._mute.discard(camera)
        self._slow.pop(camera, None)

    def notes(self, cameras: Iterable[str]) -> list[Note]:
        """What a film that begins now has to say of these cameras."""
        found: list[Note] = []
        for camera in cameras:
            if camera in self._encoded:
                found.append(encoded(camera, self._encoded[camera]))
            if camera in self._mute:
                found.append(no_sound(camera))
            if camera in self._slow:
                found.append(few_pictures(camera, *self._slow[camera]))
        return found

    def warnings(self, titles: Mapping[str, str]) -> list[WarningView]:
        """For the screen; ``titles`` are the cameras that give pictures, and their names for people."""
        found = [WarningView("no_sound", {"camera": titles[one]}) for one in titles if one in self._mute]
        for one, title in titles.items():
            if one in self._slow:
                given, promised = self._slow[one]
                values = {"camera": title, "given": str(given), "promised": str(promised)}
                found.append(WarningView("few_pictures", values))
        return found


def silent(report: recorder.SoundSilent) -> Note:
    """The event where a film holds silence in the place of sound: at its end, and how long it was."""
    data: dict[str, str | int] = {
        "note": "sound_silent",
        "camera": report.camera,
        "duration_ms": report.duration_ms,
    }
    return _noted(data, at_ns=report.monotonic_ns)


def no_sound(camera: str) -> Note:
    """The event for a film that should have sound and has none."""
    return _noted({"warning": "no_sound", "camera": camera})


def few_pictures(camera: str, given: int, promised: int) -> Note:
    """The event for a film with clearly fewer pictures a second than were promised."""
    return _noted({"warning": "few_pictures", "camera": camera, "given": given, "promised": promised})


def encoded(camera: str, encoded_from: str) -> Note:
    """The event for a film whose pictures this station encoded; ``encoded_from`` is what the camera sent."""
    return _noted({"note": "picture_encoded", "camera": camera, "from": encoded_from})


def _noted(data: Mapping[str, str | int], *, at_ns: int | None = None) -> Note:
    """An event of now, or of a monotonic moment: a warning or a note, as its data begins."""
    kind = "warning" if "warning" in data else "note"
    return Note(kind, datetime.now(UTC), time.monotonic_ns() if at_ns is None else at_ns, data)
