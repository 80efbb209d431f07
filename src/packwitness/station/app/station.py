"""The station's life: put together, run, and end within seconds with nothing lost."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from functools import partial

import structlog

from packwitness.evidence.keys import SigningKey
from packwitness.station.app.bench import LiveBench
from packwitness.station.app.clock import HubClock
from packwitness.station.app.condition import Condition, Limits, utc_ms
from packwitness.station.app.from_settings import guard_of, identity_of, logics_of
from packwitness.station.app.lock import only_one
from packwitness.station.app.orders import Orders
from packwitness.station.app.quality import TOLD
from packwitness.station.app.recorders import Recorders, grouped
from packwitness.station.app.takes import Takes
from packwitness.station.app.web import (
    KioskServer,
    hosts_of,
    languages_of,
    listen,
    picture_origins_of,
    server_for,
)
from packwitness.station.cameras.kinds import open_camera
from packwitness.station.config import Settings
from packwitness.station.kiosk.app import make_kiosk
from packwitness.station.recorder import messages as recorder
from packwitness.station.recorder.supervisor import RecorderSupervisor
from packwitness.station.spool.hub import Hub
from packwitness.station.spool.journal import Journal
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.orders import OrderCache
from packwitness.station.spool.outgoing import Outgoing
from packwitness.station.spool.parts import OpenPartStore
from packwitness.station.spool.recovery import open_spool, recover
from packwitness.station.spool.seal import Identity
from packwitness.station.spool.uploader import Uploader
from packwitness.station.triggers.reading import CodeReader
from packwitness.station.workflow.logic import Logic

TICK_SECONDS = 0.25
END_SECONDS = 3.0
"""How long running takes have to be closed and sealed when the station is told to end."""
RECORDER_END_SECONDS = 2.0
RING_SPARE_SECONDS = 1.0

log = structlog.get_logger(__name__)


async def run(settings: Settings, layout: Layout, *, ready: Callable[[str], None]) -> None:
    """Run the station until SIGINT or SIGTERM; ``ready`` is told the kiosk's address.

    Raises:
        SettingsError: something named in the settings does not exist.
        LedgerError: the spool cannot be used.
        StationInUse: it runs already.
        OSError: the kiosk's port is taken.
        sqlite3.Error: the ledger's disk refuses.
    """
    with only_one(layout):
        logics = logics_of(settings)
        identity = identity_of(settings, layout)
        key = SigningKey.load(layout.key.read_bytes())
        front = open_spool(layout)
        back = Ledger(layout.ledger)
        listener = listen(settings.kiosk.host, settings.kiosk.port)
        try:
            # Before anything is written: a disk that ran full would keep the station from starting.
            room = await asyncio.to_thread(guard_of(settings, layout, back).tidy, utc_ms=utc_ms())
            log.info("disk", room=room.room.value, free_bytes=room.free_bytes, dropped=list(room.dropped))
            journal = Journal(back, key)
            found = await asyncio.to_thread(
                recover, back, journal, layout, identity,
                benches=list(identity.benches), boot=secrets.token_hex(8), utc_ms=utc_ms(),
            )  # fmt: skip
            log.info("spool opened", interrupted=list(found.interrupted), strays=found.strays)
            async with Hub(
                settings.hub.url,
                token=layout.token.read_text().strip(),
                proxy=settings.upload.proxy,
                max_mbit=settings.upload.max_mbit,
            ) as hub:
                station = Station(
                    settings, layout, identity, hub, (front, Journal(front, key)), (back, journal), logics
                )
                await station.live(listener, ready)
        finally:
            listener.close()
            front.close()
            back.close()
        log.info("station ended")


class Station:
    """All parts of a running station, and the only place that knows them all."""

    def __init__(
        self,
        settings: Settings,
        layout: Layout,
        identity: Identity,
        hub: Hub,
        front: tuple[Ledger, Journal],
        back: tuple[Ledger, Journal],
        logics: dict[str, Logic],
    ) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        clock = HubClock()
        outgoing = Outgoing(back[0])
        self._uploader = Uploader(
            outgoing=outgoing,
            layout=layout,
            hub=hub,
            identity=identity,
            hub_key=settings.hub.key,
            utc_ms=utc_ms,
            changed=lambda take: self._condition.changed(),
        )
        self._takes = Takes(
            front=front, back=back, layout=layout, identity=identity, clock=clock, changed=self._take_changed
        )
        self._orders = Orders(OrderCache(back[0]), hub, utc_ms=utc_ms)
        self._recorders = Recorders(
            grouped(
                [settings.cameras_of(bench.id) for bench in settings.benches],
                limit=settings.recorder_cameras,
            ),
            make=partial(
                RecorderSupervisor,
                open_camera=open_camera,
                open_store=OpenPartStore(layout.root),
                on_message=self._report,
                look=CodeReader(matrix=settings.matrix_codes),
                ring_seconds=settings.pre_roll_s + settings.late_scan_s + RING_SPARE_SECONDS,
                ring_bytes=settings.ring_mb << 20,
            ),
        )
        self._takes.film_with(self._recorders)
        self._benches = [
            LiveBench(
                settings=bench,
                logic=logics[bench.id],
                cameras=settings.cameras_of(bench.id),
                takes=self._takes,
                find_order=self._orders.find,
                watch=lambda camera, on: self._recorders.send(recorder.Watch(camera, on)),
                lookers=settings.lookers_of(bench.id),
                look=self._recorders.send,
            )
            for bench in settings.benches
        ]
        self._logics = logics
        self._condition = Condition(
            benches=self._benches,
            hub=hub,
            clock=clock,
            guard=guard_of(settings, layout, back[0]),
            outgoing=outgoing,
            uploader=self._uploader,
            limits=Limits(clock_ms=settings.clock_limit_ms),
        )
        self._reports: asyncio.Queue[recorder.Report] = asyncio.Queue()
        self._trigger_token = (
            layout.trigger_token.read_text().strip() if layout.trigger_token.exists() else ""
        )

    async def live(self, listener: socket.socket, ready: Callable[[str], None]) -> None:
        """Run everything until a signal comes, then end it in order."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, stop.set)
        server = server_for(
            make_kiosk(
                {bench.id: bench for bench in self._benches},
                trigger_token=self._trigger_token,
                languages=languages_of(self._settings),
                hosts=hosts_of(self._settings),
                picture_origins=picture_origins_of(self._settings),
                late_ms=round(self._settings.late_scan_s * 1000),
            )
        )
        for bench in self._benches:
            for camera in self._settings.cameras_of(bench.id):
                await bench.camera_down(camera.id)
        self._recorders.start()
        self._look_for_labels()
        tasks = [
            asyncio.create_task(_for_ever(name, work))
            for name, work in {
                "reports": self._hear,
                "ticks": self._tick,
                "checkpoints": self._takes.keep_checkpoints,
                "uploader": self._uploader.run,
                "heartbeat": self._condition.keep_beating,
                "disk": self._condition.keep_disk,
                "view": self._condition.keep_showing,
                "orders": self._orders.keep_up,
            }.items()
        ]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            host, port = listener.getsockname()[:2]
            ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
            await _first_of(asyncio.create_task(stop.wait()), serving)
            log.info("station ending")
        finally:
            await self._end(server, serving, tasks)

    async def _end(
        self, server: KioskServer, serving: asyncio.Task[None], tasks: list[asyncio.Task[None]]
    ) -> None:
        """Take no more scans, seal what runs, let the recorder write its last, and let go of the rest."""
        server.should_exit = True
        await self._takes.interrupt_all(seconds=END_SECONDS)
        for task in tasks:
            task.cancel()
        closing = [
            (supervisor.pid, asyncio.create_task(asyncio.to_thread(supervisor.close)))
            for supervisor in self._recorders.all
        ]
        if closing:
            await asyncio.wait({task for _, task in closing}, timeout=RECORDER_END_SECONDS)
        for pid, task in closing:
            if pid is not None and not task.done():
                # All it was to write is written; it hangs in a camera's driver.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        await asyncio.gather(*(task for _, task in closing), serving, *tasks, return_exceptions=True)

    def _look_for_labels(self) -> None:
        for bench in self._settings.benches:
            if self._logics[bench.id].watches:
                for camera in self._settings.lookers_of(bench.id):
                    second = camera.look_url is not None
                    self._recorders.send(recorder.Look(camera.id, True, camera.region, second=second))

    def _take_changed(self, take: str) -> None:
        self._uploader.wake()
        self._condition.changed()

    # --- reports of the recorder ---

    def _report(self, report: recorder.Report) -> None:
        """Called in the supervisor's thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens any more
            self._loop.call_soon_threadsafe(self._reports.put_nowait, report)

    async def _hear(self) -> None:
        while True:
            await self._heard(await self._reports.get())

    async def _heard(self, report: recorder.Report) -> None:
        match report:
            case recorder.PartWritten():
                self._takes.heard(report)
            case recorder.TakeClosed():
                self._recorders.closed(report.take)
                self._takes.heard(report)
            case recorder.Sighting():
                await self._bench_of(report.camera).sighted(report)
            case recorder.Frame():
                self._bench_of(report.camera).picture(report.camera).push(report)
            case recorder.CameraUp():
                log.info("camera up", camera=report.camera, codec=report.facts.codec)
                await self._bench_of(report.camera).quality_heard(report)
                await self._bench_of(report.camera).camera_up(report.camera)
            case recorder.CameraDown():
                log.warning(
                    "camera down",
                    camera=report.camera,
                    code=report.code,
                    reason=report.message,
                    advice=report.advice,
                )
                await self._bench_of(report.camera).camera_down(report.camera, report.code)
            case _:
                await self._heard_of_trouble(report)

    async def _heard_of_trouble(self, report: recorder.Report) -> None:
        match report:
            case recorder.PacketsLost():
                log.warning("packets lost", camera=report.camera, count=report.count)
                self._bench_of(report.camera).trouble("packets_lost", report.camera)
            case recorder.PacketsDropped():
                log.error("pictures not kept", camera=report.camera, count=report.count)
                self._bench_of(report.camera).trouble("film_not_kept", report.camera)
            case _ if isinstance(report, TOLD):
                log.warning("camera's quality", **asdict(report), kind=type(report).__name__)
                await self._bench_of(report.camera).quality_heard(report)
            case recorder.SoundSilent():
                await self._takes.sound_silent(report)
            case recorder.PicturesDropped():
                log.error("pictures not encoded in time", camera=report.camera, count=report.count)
                self._bench_of(report.camera).trouble("encoder_behind", report.camera)
            case recorder.WriteFailed():
                log.error("film not kept", take=report.take, camera=report.camera, reason=report.message)
                self._bench_of(report.camera).trouble("film_not_kept", report.camera)
                await self._takes.film_not_kept(report)
            case recorder.SecondStreamLost() | recorder.SecondStreamBack():
                self._heard_of_second(report)
            case recorder.LookFailed():
                log.error("cannot read codes", camera=report.camera, reason=report.message)
            case recorder.RecorderLost():
                lost = list(report.cameras)
                log.error("recorder lost; starting another", exit_code=report.exit_code, cameras=lost)
                await self._recorder_lost(report.cameras)
            case recorder.RecorderBack():
                log.info("recorder back", cameras=list(report.cameras))
                for camera in report.cameras:
                    self._bench_of(camera).recorder_lost = False
                self._condition.changed()

    def _heard_of_second(self, report: recorder.SecondStreamLost | recorder.SecondStreamBack) -> None:
        lost = isinstance(report, recorder.SecondStreamLost)
        if isinstance(report, recorder.SecondStreamLost):
            log.warning(
                "second stream lost; looking at the film instead",
                camera=report.camera,
                code=report.code,
                reason=report.message,
                advice=report.advice,
            )
        else:
            log.info("second stream back", camera=report.camera)
        self._bench_of(report.camera).second_stream(report.camera, lost=lost)

    async def _recorder_lost(self, cameras: Sequence[str]) -> None:
        for camera in cameras:
            bench = self._bench_of(camera)
            bench.recorder_lost = True
            bench.quality.recorder_gone(camera)
            await bench.camera_down(camera)
        self._condition.changed()

    def _bench_of(self, camera: str) -> LiveBench:
        return next(bench for bench in self._benches if bench.has(camera))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for bench in self._benches:
                await bench.tick()


async def _first_of(*tasks: asyncio.Task[object]) -> None:
    """Wait for the first to end; raise what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _for_ever(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run a part of the station; if it breaks, say so and run it again: filming must not end for a fault
    elsewhere.
    """
    while True:
        try:
            await work()
        # Any fault at all: see above.
        except Exception as error:
            log.error("a part of the station failed; starting it again", part=name, exc_info=error)
        await asyncio.sleep(1)
