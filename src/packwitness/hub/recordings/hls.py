"""HLS playlists of fragmented MP4 (RFC 8216). Pure.

A segment is a run of parts from one keyframe to the next: players stick on segments that begin elsewhere.
While a take runs, the run that is still open is not listed, for what a playlist has once listed must not
change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from packwitness.evidence.canonical import format_time
from packwitness.hub.recordings.layout import Layout
from packwitness.hub.recordings.names import PartName


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive parts of one init, the first of them at a keyframe."""

    parts: tuple[PartName, ...]

    @property
    def duration(self) -> int:
        """In the camera's timescale."""
        return self.parts[-1].start + self.parts[-1].duration - self.parts[0].start


def segments(parts: Sequence[PartName], *, ended: bool) -> list[Segment]:
    """Cut parts into segments; those before the first keyframe cannot be played and are left out."""
    runs: list[list[PartName]] = []
    for part in parts:
        if part.key:
            runs.append([part])
        elif runs and runs[-1][-1].init == part.init:
            runs[-1].append(part)
    if runs and not ended:
        runs.pop()
    return [Segment(tuple(run)) for run in runs]


def playlist(
    layout: Layout, parts: Sequence[PartName], *, film_from: datetime, base_url: str, ended: bool
) -> str:
    """Return the playlist of these parts; the addresses in it are ``<base_url><first>-<last>.m4s`` and
    ``<base_url>init-<k>.mp4``.
    """
    listed = segments(parts, ended=ended)
    longest = max((one.duration for one in listed), default=layout.timescale)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, -(-longest // layout.timescale))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:EVENT",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    init, expected = -1, -1
    for one in listed:
        first, last = one.parts[0], one.parts[-1]
        if first.init != init:
            if init >= 0:
                lines.append("#EXT-X-DISCONTINUITY")
            init = first.init
            lines.append(f'#EXT-X-MAP:URI="{base_url}init-{init}.mp4"')
            expected = -1
        if first.start != expected:  # after a hole the clock is told anew
            at = film_from + timedelta(milliseconds=layout.offset_ms, seconds=first.start / layout.timescale)
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{format_time(at)}")
        expected = last.start + last.duration
        lines.append(f"#EXTINF:{one.duration / layout.timescale:.5f},")
        lines.append(f"{base_url}{first.number}-{last.number}.m4s")
    if ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"
