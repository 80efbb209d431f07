"""Why a camera gives no pictures, as it is told to the app."""

from packwitness.station.recorder.messages import CameraDown
from packwitness.station.recorder.nal import BadStream
from packwitness.station.recorder.source import SourceFault
from packwitness.station.recorder.stall import Stall

SILENT = (
    "The camera is connected, but sends no picture.",
    "Look at the network first; if it does not come back, restart the camera.",
)
STALLED = {
    Stall.QUIET: SILENT,
    Stall.DEAD: SILENT,
    Stall.NO_KEYFRAME: (
        "The camera sends pictures, but no keyframe that a film could begin with.",
        "Set the keyframe interval in the camera to one or two seconds, and restart it.",
    ),
}


def stalled(stall: Stall, camera: str, now_ns: int) -> CameraDown:
    """It is connected and gives nothing to film."""
    message, advice = STALLED[stall]
    return CameraDown(camera, "stalled", message, advice, True, now_ns)


def down_by(error: Exception, camera: str, now_ns: int) -> CameraDown:
    """The connection ended with `error`."""
    if isinstance(error, SourceFault):
        return CameraDown(camera, error.code, error.message, error.advice, error.retry, now_ns)
    if isinstance(error, BadStream):
        message = f"The camera's stream cannot be recorded: {error}."
        return CameraDown(camera, "bad_stream", message, "Check the camera's encoder settings.", True, now_ns)
    return CameraDown(
        camera, "camera_failed", f"The camera failed: {type(error).__name__}.", "", True, now_ns
    )
