"""Live pictures for the kiosk: every packet as a fragment of its own. Nothing is decoded."""

from collections.abc import Callable

from packwitness.station.recorder.messages import Frame
from packwitness.station.recorder.muxer import mux_part
from packwitness.station.recorder.packets import Packet, Run, Track


class Live:
    """Called under the channel's lock, in the camera's thread."""

    def __init__(self, camera: str, send: Callable[[Frame], None]) -> None:
        self._camera = camera
        self._send = send
        self._track: Track | None = None
        self._run: Run | None = None
        self._offset = 0
        self._end = 0
        self._number = 0

    def push(self, packet: Packet) -> None:
        """Send one packet; before the first keyframe of a run or track, nothing."""
        if packet.track is not self._track or packet.run is not self._run:
            if not packet.key:
                return
            if packet.track is not self._track:
                self._track = packet.track
                self._frame(packet, packet.track.init, init=True)
            self._run = packet.run
            # The player needs no hole where the camera was away.
            self._offset = self._end - packet.dts
        self._number += 1
        data = mux_part([packet], offset=self._offset, duration=packet.duration, number=self._number)
        self._end = packet.dts + self._offset + packet.duration
        self._frame(packet, data, init=False)

    def _frame(self, packet: Packet, data: bytes, *, init: bool) -> None:
        moment = packet.run.moment(packet.pts)
        codec = packet.track.facts.codec
        self._send(Frame(self._camera, data, init, packet.key and not init, codec, moment))
