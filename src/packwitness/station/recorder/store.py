"""Where parts go. The recorder is given a `PartStore` and knows nothing else of the disk.

All of this is structural: a store need not import anything from here, its own row types fit if they have
these fields. One store serves all writer threads of a recorder process, so its methods may be called from
several threads at once (never for the same take and camera at once), and it is opened inside the recorder
process by a picklable function without arguments.
"""

from typing import Protocol


class SoundFacts(Protocol):
    """What a manifest says of a film's sound."""

    @property
    def codec(self) -> str: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def encoded_from(self) -> str | None: ...


class StreamFacts(Protocol):
    """What a manifest says of a camera's stream. `codec` as in RFC 6381, for instance "avc1.64001f"."""

    @property
    def codec(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def timescale(self) -> int: ...
    @property
    def audio(self) -> SoundFacts | None: ...


class InitRow(Protocol):
    """A durable init. `k` counts from 0 within camera and take; `sha256` is 64 hex digits."""

    @property
    def k(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...


class PartRow(Protocol):
    """A durable part. `n` counts from 0 within camera and take; `start` and `duration` in 1/90000 s."""

    @property
    def n(self) -> int: ...
    @property
    def init(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def duration(self) -> int: ...
    @property
    def key(self) -> bool: ...
    @property
    def chain(self) -> str: ...


class Timing(Protocol):
    """Where a camera's times come from and how good they were (`recorder.clock.Timing`)."""

    @property
    def source(self) -> str: ...
    @property
    def drift_ppm(self) -> int | None: ...
    @property
    def jitter_ms(self) -> int | None: ...
    @property
    def clock_offset_ms(self) -> int | None: ...


class FilmSoFar(Protocol):
    """How far a camera's film in a take is: the moment of media time 0, its end in media time, its parts, and
    its sound.
    """

    @property
    def origin_ns(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def parts(self) -> int: ...
    @property
    def audio(self) -> SoundFacts | None:
        """The sound of its newest init, None where that has none."""
        ...


class PartStore(Protocol):
    """What the recorder asks of the spool. A call returns when its effect is durable, or raises OSError."""

    def put_init(self, *, take: str, camera: str, data: bytes, info: StreamFacts, origin_ns: int) -> InitRow:
        """Store an init (`ftyp`+`moov`) and return its row.

        If `data` equals the camera's newest init in this take, nothing is written and that row is returned
        (so a restarted recorder need not know it). `origin_ns` is the monotonic moment of the camera's media
        time 0 in this take: the same at every call, and what `offset_ms` and `film_from` are computed from.
        """
        ...

    def put_part(
        self, *, take: str, camera: str, init: int, data: bytes, start: int, duration: int, key: bool
    ) -> PartRow:
        """Store a part (`moof`+`mdat`) under the next number and return its row.

        `start` (decode time) and `duration` count in 90000ths of a second of the camera's media time; `key`:
        it begins at a keyframe.
        """
        ...

    def add_gap(
        self, *, take: str, camera: str, at_ms: int, duration_ms: int, reason: str, dropped: int = 0
    ) -> None:
        """Note a hole in the film, at `at_ms` of the camera's media time (0 if it never gave a picture).

        `reason`: reconnect, recorder, camera_lost, camera_clock, stalled, no_picture, overflow, write_failed.
        `dropped` packets reached the recorder and were not written; their sum over a take is the manifest's
        `dropped_packets`.
        """
        ...

    def note(
        self,
        *,
        take: str,
        camera: str,
        lost: int,
        stalls: int,
        reconnects: int,
        timing: Timing | None,
        dropped: int = 0,
    ) -> None:
        """Add to a camera's counts in a take, and say how its times are now. `dropped` pictures came and
        could not be encoded in time.

        Counts add up over calls, whoever made them; of `timing` the greatest jitter is kept, else what was
        measured last.
        """
        ...

    def so_far(self, *, take: str, camera: str) -> FilmSoFar | None:
        """Return how far the film is in the store, None if nothing of it is; raises OSError if the store
        cannot say.
        """
        ...
