"""A bench without cameras, disk or hub, for tests and for looking at the screen. Its workflow is the real
one."""

import io
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import anyio
import av
import numpy as np

from packwitness.protocol.models import OrderLine, StationOrder
from packwitness.station.kiosk.view import (
    BenchView,
    CameraView,
    Cue,
    DiskState,
    FilmState,
    HubState,
    LastTakeView,
    LineView,
    OrderView,
    RunningView,
    StatusView,
    WarningView,
)
from packwitness.station.workflow.codes import CodeRefused, read_scan
from packwitness.station.workflow.effects import (
    Answer,
    LookUpOrder,
    Say,
    StartTake,
    StopReason,
    StopTake,
    refusal,
)
from packwitness.station.workflow.engine import step
from packwitness.station.workflow.events import Event, OrderKnown, Source, Unreadable
from packwitness.station.workflow.logics import catalogue
from packwitness.station.workflow.state import State


@dataclass(slots=True)
class FakeBench:
    """A bench whose clock is moved by hand (``now_ns``) and whose film is a list of pieces, shown again
    and again.

    ``orders``: what ``LookUpOrder`` finds, by code.
    """

    id: str = "bench1"
    name: str = "Bench 1"
    logic: str = "scan-rescan"
    begin: datetime = datetime(2026, 11, 22, 9, tzinfo=UTC)
    now_ns: int = 0
    cameras: tuple[CameraView, ...] = (CameraView("overhead", "Overhead", up=True),)
    film: Sequence[bytes] = ()
    piece_s: float = 0.2
    orders: Mapping[str, StationOrder] = field(default_factory=dict)
    warnings: tuple[WarningView, ...] = ()
    status: StatusView = field(
        default_factory=lambda: StatusView(HubState.ONLINE, DiskState.FINE, 412_000_000_000, 4)
    )
    last_takes: tuple[LastTakeView, ...] = ()
    scans: list[tuple[str, Source]] = field(default_factory=list)
    state: State = field(default_factory=State)
    _running: RunningView | None = None
    _started_ns: int = 0
    _cue: Cue = field(default_factory=Cue)
    _takes: int = 0
    _changed: anyio.Event = field(default_factory=anyio.Event)

    def view(self) -> BenchView:
        """Return the bench as it is now."""
        show = self.state.show()
        running = self._running
        if running is not None:
            running = replace(running, elapsed_ms=(self.now_ns - self._started_ns) // 1_000_000)
        return BenchView(
            bench=self.id,
            name=self.name,
            logic=self.logic,
            phase=show.phase,
            tone=show.tone,
            message=show.message,
            values=show.values,
            running=running,
            last_takes=self.last_takes,
            warnings=self.warnings,
            cameras=self.cameras,
            status=self.status,
            cue=self._cue,
        )

    async def changes(self) -> AsyncIterator[BenchView]:
        """Yield the view now and whenever it has changed."""
        while True:
            changed = self._changed
            yield self.view()
            await changed.wait()

    async def scan(self, code: str, source: Source, ago_ms: int = 0) -> Answer:
        """Take a code as a real bench does: normalise, step, carry out."""
        self.scans.append((code, source))
        event: Event
        try:
            event = read_scan(code, source=source, utc=self.now(), monotonic_ns=self.now_ns)
        except CodeRefused as refused:
            event = Unreadable(reason=refused.reason, source=source, utc=self.now(), monotonic_ns=self.now_ns)
        return self.happen(event)

    async def live(self, camera: str) -> AsyncIterator[bytes]:
        """Yield the film's pieces, one each ``piece_s``; a camera that is not up gives none."""
        if not {known.id: known for known in self.cameras}[camera].up:
            return
        for piece in self.film:
            yield piece
            await anyio.sleep(self.piece_s)
        await anyio.sleep_forever()

    def now(self) -> datetime:
        """Return UTC on the fake clock."""
        return self.begin + timedelta(microseconds=self.now_ns / 1_000)

    def happen(self, event: Event) -> Answer:
        """Take any event through the engine and do what it asks for."""
        self.state, effects = step(catalogue()[self.logic], self.state, event)
        orders: list[str] = []
        for effect in effects:
            match effect:
                case StartTake(code=code, at_ns=at_ns):
                    self._takes += 1
                    self._started_ns = at_ns
                    self._running = RunningView(f"{self.id}-{self._takes}", code, effect.utc, 0)
                case StopTake(reason=reason):
                    self._stop(reason)
                case Say(sound=sound):
                    self._cue = Cue(self._cue.number + 1, sound)
                case LookUpOrder(code=code):
                    orders.append(code)
        for code in orders:
            order = self.orders.get(code)
            if order is not None and self._running is not None:
                self._running = replace(self._running, order=_order_view(order))
            self.happen(OrderKnown(code=code, order=order, utc=event.utc, monotonic_ns=event.monotonic_ns))
        self.touch()
        refused = refusal(effects)
        return Answer(
            accepted=refused is None,
            state=self.state.phase,
            message=refused.reason if refused else self.state.face.message,
            take=self._running.take if self._running else None,
            values=self.state.face.values,
        )

    def touch(self) -> None:
        """Tell whoever watches that something has changed."""
        self._changed.set()
        self._changed = anyio.Event()

    def _stop(self, reason: StopReason) -> None:
        if self._running is None:
            return
        stopped = LastTakeView(
            take=self._running.take,
            code=self._running.code,
            stopped_at=self.now(),
            duration_s=(self.now_ns - self._started_ns) // 1_000_000_000,
            state=FilmState.DISCARDED if reason is StopReason.CANCELLED else FilmState.UPLOADING,
            parts_left=3,
        )
        self.last_takes = (stopped, *self.last_takes)[:8]
        self._running = None


def fake_order(code: str, *, cancelled: bool = False) -> StationOrder:
    """Return an order of three products for ``code``."""
    lines = [
        OrderLine(sku="CUP-RD-2", name="Stoneware cup, red", quantity=2),
        OrderLine(sku="TEA-JJ-100", name="Jeju green tea 100 g", quantity=1),
        OrderLine(sku="GIFT-BOX-M", name="Gift box, medium, with ribbon", quantity=1),
    ]
    return StationOrder(
        number="20261122-0001834", channel="Cafe24", codes=[code], cancelled=cancelled, lines=lines
    )


def fake_film(*, seconds: int = 4, width: int = 640, height: int = 360, rate: int = 10) -> list[bytes]:
    """Return an H.264 film as the recorder's live frames are: an init, then one fragment a picture,
    keyframe first."""
    buffer = io.BytesIO()
    options = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}
    with av.open(buffer, "w", format="mp4", options=options) as container:
        stream = container.add_stream(
            "libx264", rate=rate, options={"preset": "ultrafast", "tune": "zerolatency"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = rate
        for n in range(seconds * rate):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(_picture(n, width, height), format="rgb24"))
            )
        container.mux(stream.encode(None))
    return _pieces(buffer.getvalue())


def _picture(n: int, width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Draw a bench with a box on it and a thing that moves over it."""
    picture = np.full((height, width, 3), (176, 160, 138), np.uint8)
    picture[:: height // 12, :] = (160, 144, 122)
    picture[height // 5 : height * 4 // 5, width // 4 : width * 3 // 4] = (201, 164, 110)
    picture[height // 4 : height // 2, width // 3 : width // 2] = (245, 245, 240)
    for bar in range(width // 3 + 8, width // 2 - 8, 6):
        picture[height // 4 + 10 : height // 2 - 20, bar : bar + 2 + bar % 3] = (20, 20, 20)
    x = (n * 9) % (width - width // 8)
    picture[height // 2 : height // 2 + height // 6, x : x + width // 8] = (222, 178, 150)
    return picture


def _pieces(film: bytes) -> list[bytes]:
    """Cut a fragmented MP4 into its init and its ``moof`` + ``mdat`` pairs."""
    pieces: list[bytes] = []
    at, piece = 0, b""
    while at < len(film):
        size, name = int.from_bytes(film[at : at + 4], "big"), film[at + 4 : at + 8]
        if name in (b"moof", b"mfra"):
            pieces.append(piece)
            piece = b""
        if name == b"mfra":
            return [part for part in pieces if part]
        piece += film[at : at + size]
        at += size
    return [*pieces, piece]


def _order_view(order: StationOrder) -> OrderView:
    lines = tuple(LineView(line.name, line.quantity, line.sku, line.image_url) for line in order.lines)
    return OrderView(order.number, order.channel, lines, order.cancelled)
