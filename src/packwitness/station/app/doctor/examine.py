"""All probes at once, each for a bounded time. Reads only, but for one nameless file (see ``disk``); takes no
lock, so that it works beside a running station.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor

from packwitness.station.app.doctor import camera, clock, configuration, disk, hub, load
from packwitness.station.app.doctor.scanner import plugged_in
from packwitness.station.app.doctor.verdict import Verdict, fail, warn
from packwitness.station.app.from_settings import guard_of
from packwitness.station.app.lock import is_held
from packwitness.station.config import CameraSettings, Settings
from packwitness.station.spool.hub import Hub
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger, LedgerError

CAMERA_SECONDS = 30.0
PROBE_SECONDS = 20.0
GUESSED_RATE = 750_000
"""Bytes a second of a camera that could not be measured."""


async def examine(settings: Settings, layout: Layout, *, seconds: float = camera.SECONDS) -> list[Verdict]:
    """Try everything that ``settings`` name; cameras for ``seconds``."""
    # One thread for each stream: a probe that waits for another is measured wrongly.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * len(settings.cameras) + 4))
    running = is_held(layout)
    configured = configuration.judge(settings, layout)
    lookers = {one.id for bench in settings.benches for one in settings.lookers_of(bench.id)}
    watched, met, ledger, in_step = await asyncio.gather(
        asyncio.gather(*(_camera(one, one.id in lookers, running, seconds) for one in settings.cameras)),
        _meet(settings, layout),
        _bounded("ledger", asyncio.to_thread(_ledger, settings, layout)),
        asyncio.to_thread(clock.synchronised),
    )
    need = sum(found or GUESSED_RATE for _, found in watched)
    # After the cameras, so that neither is measured in the other's shadow.
    stored = await _bounded("disk", asyncio.to_thread(_disk, settings, layout, need))
    cores, busy = load.now()
    looking = [one for one in settings.cameras if one.id in lookers]
    needed = load.need_of(settings.cameras, looking, matrix=settings.matrix_codes)
    return [
        *configured,
        *(verdict for verdicts, _ in watched for verdict in verdicts),
        *stored,
        *ledger,
        *clock.judge(in_step, met.offset, limit_ms=settings.clock_limit_ms),
        *hub.judge(met, url=settings.hub.url),
        plugged_in(),
        load.judge(needed, cores=cores, busy=busy),
    ]


async def _bounded(
    check: str, probe: Awaitable[list[Verdict]], seconds: float = PROBE_SECONDS
) -> list[Verdict]:
    try:
        return await asyncio.wait_for(probe, seconds)
    except TimeoutError:
        return [fail(check, f"It took longer than {seconds:g} s.", "Look at the disk and at the network.")]
    except (OSError, sqlite3.Error) as error:
        return [fail(check, f"It cannot be examined: {error}", "Is the disk full, or not there?")]


async def _camera(
    one: CameraSettings, looks: bool, running: bool, seconds: float
) -> tuple[list[Verdict], float]:
    """Watch a camera and the smaller stream of it, if it has one; return bytes a second of what is filmed."""
    rate = 0.0

    async def stream(name: str, url: str, *, sound: bool, look: bool, filmed: bool) -> list[Verdict]:
        nonlocal rate
        work = asyncio.to_thread(
            camera.watch, url, sound=sound, look=look, region=one.region, seconds=seconds
        )
        seen = await asyncio.wait_for(work, CAMERA_SECONDS)
        rate = seen.bytes_per_s if filmed else rate
        verdicts = camera.judge(name, seen, sound=sound, look=look, running=running)
        if filmed:
            return verdicts
        # Without it the film is looked at: doubtful, not wrong.
        return [
            warn(
                verdict.check, verdict.says, f"The film is looked at instead. {verdict.advice}", subject=name
            )
            if verdict.level == "fail"
            else verdict
            for verdict in verdicts
        ]

    probes = [stream(one.id, one.url, sound=one.audio, look=looks and not one.look_url, filmed=True)]
    if one.look_url:
        probes.append(stream(f"{one.id} (smaller)", one.look_url, sound=False, look=looks, filmed=False))
    found = await asyncio.gather(
        *(_bounded(f"camera {one.id}", probe, CAMERA_SECONDS + 1) for probe in probes)
    )
    return [verdict for verdicts in found for verdict in verdicts], rate


async def _meet(settings: Settings, layout: Layout) -> hub.Met:
    try:
        token = layout.token.read_text().strip()
    except OSError:
        token = ""  # the configuration's verdict says that it is missing
    async with Hub(settings.hub.url, token=token, proxy=settings.upload.proxy) as there:
        return await hub.meet(there)


def _ledger(settings: Settings, layout: Layout) -> list[Verdict]:
    return configuration.judge_ledger(settings, layout)


def _disk(settings: Settings, layout: Layout, need: float) -> list[Verdict]:
    if not layout.takes.is_dir():
        return [fail("disk", f"{layout.takes} is not there.", "Mount the disk that holds the films.")]
    found = [
        disk.judge_kind(disk.kind_of(layout.takes)),
        disk.judge_speed(disk.try_writing(layout.takes), need=need),
    ]
    try:
        ledger = Ledger(layout.ledger)
    except LedgerError:
        return found  # the ledger's verdict says so
    try:
        room = guard_of(settings, layout, ledger).look()
    finally:
        ledger.close()
    limits = settings.disk
    return [
        *found,
        disk.judge_room(room, need=need, full_bytes=limits.full_mb << 20, budget=limits.budget_gb > 0),
    ]
