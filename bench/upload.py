"""How a take's parts go up: through the hub into a folder, through the hub into S3, straight into S3; beside
what a user would pick instead for the same parts: boto3 as `aws s3 cp` uses it, and curl, four at once each.

Hub, station's uploader and store (SeaweedFS) are real and on loopback; a run ends with the hub's receipt, so
ours pays for ledger, digests, signatures and database. The rivals put the same files into the same store, by
presigned addresses in curl's case, and prove nothing. Then the film is fetched once, to know what streaming
it through the hub costs. Ways take turns in each round; what is printed is the median.

`python -m bench.upload --parts 150 --rounds 3 --json FILE`
"""

import argparse
import asyncio
import json
import logging
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import httpx2
import psutil
import structlog

from packwitness.evidence.keys import SigningKey
from packwitness.protocol import Enrolled, EnrolRequest
from packwitness.station.spool.hub import Hub
from packwitness.station.spool.journal import Journal, TakeStart
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.outgoing import Outgoing
from packwitness.station.spool.parts import LedgerPartStore
from packwitness.station.spool.recovery import create_spool, open_spool
from packwitness.station.spool.seal import Identity, close, seal
from packwitness.station.spool.uploader import Uploader
from tests import object_store
from tests.station.spool.station_of_one import UNMEASURED, Facts

AT_ONCE = 4
CAMERA = "overhead"
EMAIL, PASSWORD = "seller@example.com", "correct horse battery staple"


@dataclass(frozen=True)
class Run:
    """One upload. CPU is in seconds a GB: the hub's, and the sender's own."""

    mb_per_s: float
    hub_cpu: float
    sender_cpu: float


def environment(folder: Path, vault: str, direct: bool) -> dict[str, str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PACKWITNESS_", "AWS_"))
    }
    return {
        **clean,
        "PACKWITNESS_DATA_DIR": str(folder),
        "PACKWITNESS_VAULT_URL": vault,
        "PACKWITNESS_DIRECT_UPLOAD": str(direct),
        "PACKWITNESS_LOG_LEVEL": "error",
        "AWS_ACCESS_KEY_ID": object_store.ACCESS,
        "AWS_SECRET_ACCESS_KEY": object_store.SECRET,
    }


class OurWay:
    """A hub with one enrolled station."""

    def __init__(self, folder: Path, vault: str, *, direct: bool) -> None:
        self._environ = environment(folder / "hub", vault, direct)
        self._command("setup", "--organisation", "Bench", "--email", EMAIL, "--password-stdin")
        self._server = subprocess.Popen(
            [sys.executable, "-m", "packwitness.cli", "hub", "web", "--port", "0"],
            env=self._environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._server.stdout is not None
        self.url = self._server.stdout.readline().split()[-1]
        self._hub = psutil.Process(self._server.pid)
        self.layout = Layout(folder / "station")
        self.key = SigningKey.generate()
        code = self._command("enrolment-code", "--station", "PC", "--bench", "Bench").strip()
        self.enrolled = asyncio.run(self._enrol(code))
        create_spool(self.layout).close()
        self._seller = httpx2.Client(base_url=self.url, timeout=60, follow_redirects=True)
        self._sign_in()

    def close(self) -> None:
        self._seller.close()
        self._server.terminate()
        self._server.wait()
        assert self._server.stdout is not None
        self._server.stdout.close()

    def _sign_in(self) -> None:
        page = self._seller.get("/accounts/login/")
        form = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert form, page.text[:500]
        fields = {"login": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": form[1]}
        answer = self._seller.post("/accounts/login/", data=fields, headers={"Referer": self.url})
        assert answer.url.path == "/", answer.url

    def hub_cpu(self) -> float:
        """Seconds of CPU that the hub has used so far."""
        times = self._hub.cpu_times()
        return times.user + times.system

    def _command(self, *words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "packwitness.cli", "hub", *words],
            env=self._environ,
            input=PASSWORD + "\n",
            text=True,
            capture_output=True,
            check=True,
        ).stdout

    async def _enrol(self, code: str) -> Enrolled:
        request = EnrolRequest(code=code, public_key=self.key.public.text, host_name="pc", software="bench")
        async with Hub(self.url, token="") as hub:
            return await hub.enrol(request)

    def identity(self) -> Identity:
        benches = {bench.id: bench.name for bench in self.enrolled.benches}
        return Identity(
            self.enrolled.organisation_id,
            self.enrolled.station_id,
            benches,
            tuple(self.enrolled.certificates),
            "bench",
        )

    def filmed(self, parts: list[bytes], number: int) -> str:
        """Film and seal a take of these parts."""
        with closing(open_spool(self.layout)) as ledger, closing(Ledger(self.layout.ledger)) as second:
            journal, store = Journal(ledger, self.key), LedgerPartStore(self.layout, second)
            now = time.time_ns()
            start = TakeStart(
                bench=self.enrolled.benches[0].id,
                kind="packing",
                code=f"6{number:011d}",
                code_kind="tracking_number",
                logic="laid-lifted",
                logic_version="ab" * 32,
                cameras=((CAMERA, "Overhead"),),
                started_ms=now // 1_000_000,
                started_ns=time.monotonic_ns(),
                pre_roll_ms=0,
                clock=UNMEASURED,
            )
            take = journal.start_take(start, utc_ms=start.started_ms)
            init = store.put_init(
                take=take, camera=CAMERA, data=b"an init", info=Facts(), origin_ns=start.started_ns
            )
            for n, data in enumerate(parts):
                facts = {"start": n * 90_000, "duration": 90_000, "key": True}
                store.put_part(take=take, camera=CAMERA, init=init.k, data=data, **facts)  # type: ignore[arg-type]  # values of several types
            close(ledger, take=take, outcome="completed", stopped_ms=None, clock=None)
            seal(ledger, journal, self.layout, self.identity(), take=take, utc_ms=start.started_ms)
            return take

    def upload(self, parts: list[bytes], number: int) -> Run:
        """Send what was filmed up to its receipt."""
        take = self.take = self.filmed(parts, number)
        hub, own, begun = self.hub_cpu(), time.process_time(), time.perf_counter()
        asyncio.run(self._upload(take))
        took, size = time.perf_counter() - begun, sum(map(len, parts))
        cpu = (self.hub_cpu() - hub, time.process_time() - own)
        return Run(size / 1e6 / took, cpu[0] / size * 1e9, cpu[1] / size * 1e9)

    async def _upload(self, take: str) -> None:
        done = asyncio.Event()
        ledger = open_spool(self.layout)

        def changed(_: str) -> None:
            row = ledger.take(take)
            if row is not None and (row.state == "receipted" or row.trouble):
                done.set()

        async with Hub(self.url, token=self.enrolled.token) as hub:
            uploader = Uploader(
                outgoing=Outgoing(ledger),
                layout=self.layout,
                hub=hub,
                identity=self.identity(),
                hub_key=self.enrolled.hub_key,
                utc_ms=lambda: time.time_ns() // 1_000_000,
                changed=changed,
            )
            task = asyncio.create_task(uploader.run())
            await asyncio.wait_for(done.wait(), 600)
            task.cancel()
            await asyncio.wait([task])
            row = ledger.take(take)
            assert row is not None
            assert row.state == "receipted", row.trouble
            assert not uploader.detour, uploader.detour
        ledger.close()

    def watch(self, size: int) -> Run:
        """Fetch the film of the last upload."""
        hub, own, begun = self.hub_cpu(), time.process_time(), time.perf_counter()
        with self._seller.stream("GET", f"/takes/{self.take}/film/{CAMERA}.mp4") as answer:
            got = sum(len(block) for block in answer.iter_bytes())
        assert answer.status_code == 200, answer
        assert got > size
        took = time.perf_counter() - begun
        cpu = (self.hub_cpu() - hub, time.process_time() - own)
        return Run(size / 1e6 / took, cpu[0] / size * 1e9, cpu[1] / size * 1e9)


# --- instead ---


def store_client(store: object_store.ObjectStore) -> Any:
    return boto3.session.Session().client(
        "s3",
        endpoint_url=store.endpoint,
        region_name="us-east-1",
        aws_access_key_id=object_store.ACCESS,
        aws_secret_access_key=object_store.SECRET,
    )


def by_boto3(client: Any, files: list[Path], folder: str) -> Run:
    size = sum(path.stat().st_size for path in files)
    own, begun = time.process_time(), time.perf_counter()

    def put(path: Path) -> None:
        client.upload_file(str(path), object_store.BUCKET, f"{folder}/{path.name}")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(put, files))
    took = time.perf_counter() - begun
    return Run(size / 1e6 / took, 0, (time.process_time() - own) / size * 1e9)


def by_curl(client: Any, files: list[Path], folder: str, config: Path) -> Run:
    lines = []
    for path in files:
        params = {"Bucket": object_store.BUCKET, "Key": f"{folder}/{path.name}"}
        url = client.generate_presigned_url("put_object", Params=params)
        lines.append(f'upload-file = "{path}"\nurl = "{url}"\noutput = "/dev/null"\n')
    config.write_text("\n".join(lines))
    size = sum(path.stat().st_size for path in files)
    before, begun = _children_cpu(), time.perf_counter()
    command = ["curl", "--silent", "--fail", "--parallel", "--parallel-max", str(AT_ONCE), "-K", str(config)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)  # its progress, parallel or not
    took = time.perf_counter() - begun
    return Run(size / 1e6 / took, 0, (_children_cpu() - before) / size * 1e9)


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


@contextmanager
def our_ways(work: Path, store: object_store.ObjectStore) -> Iterator[dict[str, OurWay]]:
    ways: dict[str, OurWay] = {}
    try:
        ways["hub, folder"] = OurWay(work / "folder", (work / "folder-vault").as_uri(), direct=False)
        ways["hub, S3"] = OurWay(work / "s3", store.url("through"), direct=False)
        ways["straight, S3"] = OurWay(work / "direct", store.url("straight"), direct=True)
        yield ways
    finally:
        for way in ways.values():
            way.close()


def measure(count: int, size: int, rounds: int) -> dict[str, Run]:
    """Return the median run of each way."""
    parts = [os.urandom(size) for _ in range(count)]
    runs: dict[str, list[Run]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="packwitness-bench-") as folder, object_store.running() as store:
        work, client = Path(folder), store_client(store)
        (work / "parts").mkdir()
        files = [work / "parts" / f"{n:08d}.m4s" for n in range(count)]
        for path, data in zip(files, parts, strict=True):
            path.write_bytes(data)
        with our_ways(work, store) as ways:
            for number in range(1, rounds + 1):
                tries = {
                    "boto3, S3": partial(by_boto3, client, files, f"boto3-{number}"),
                    "curl, S3": partial(by_curl, client, files, f"curl-{number}", work / "curl"),
                    **{name: partial(way.upload, parts, number) for name, way in ways.items()},
                }
                names = list(tries)
                for name in names[number % len(names) :] + names[: number % len(names)]:
                    runs[name].append(tries[name]())
                for name in ("hub, folder", "hub, S3"):
                    runs[f"watch: {name}"].append(ways[name].watch(count * size))
    return {name: median(found) for name, found in sorted(runs.items())}


def median(runs: list[Run]) -> Run:
    return Run(
        statistics.median(run.mb_per_s for run in runs),
        statistics.median(run.hub_cpu for run in runs),
        statistics.median(run.sender_cpu for run in runs),
    )


def main(arguments: list[str]) -> int:
    """Run what is asked for, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.upload", description=__doc__.splitlines()[0])
    parser.add_argument("--parts", type=int, default=150)
    parser.add_argument("--bytes", type=int, default=850_000, help="of one part (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    runs = measure(chosen.parts, chosen.bytes, chosen.rounds)
    curl = runs["curl, S3"].mb_per_s
    columns = "{:<20} {:>9} {:>12} {:>14} {:>16}"
    print(columns.format("way", "MB/s", "of curl's", "hub CPU s/GB", "sender CPU s/GB"))
    for name, run in runs.items():
        print(
            columns.format(
                name,
                f"{run.mb_per_s:.1f}",
                f"{run.mb_per_s / curl:.2f}",
                f"{run.hub_cpu:.2f}",
                f"{run.sender_cpu:.2f}",
            )
        )
    if chosen.json:
        values = {name: asdict(run) for name, run in runs.items()}
        chosen.json.write_text(json.dumps(values, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
