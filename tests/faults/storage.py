"""A disk that is full, and one that is slow."""

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Final

from packwitness.evidence.manifest import Manifest
from tests.e2e.shop import Shop, until
from tests.faults.hub_line import Mood
from tests.faults.scene import Fault, Scene, end_station, restart_station, start_station
from tools.fault_tools import STRACE

DISK_MB: Final = 64
FULL_MB: Final = 4
LOW_MB: Final = 8
GUARD_SECONDS: Final = 6.0
"""In so long the station has looked at its disk once."""
SLOW_MS: Final = (20, 200)


def own_mounts() -> bool:
    """Give this process mounts of its own, which end with it; False where it may not."""
    if not hasattr(os, "unshare") or os.geteuid() != 0:
        return False
    os.unshare(os.CLONE_NEWNS)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    return True


def _mount(scene: Scene) -> None:
    """Move the station's folder onto a small disk of its own."""
    root = scene.shop.layout.root
    if os.path.ismount(root):
        scene.shop.cameras_up()
        return
    end_station(scene.shop)
    aside = root.with_name("station-before")
    root.rename(aside)
    root.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(root)], check=True)
    shutil.copytree(aside, root, dirs_exist_ok=True)
    settings = scene.shop.layout.settings
    settings.write_text(f"{settings.read_text()}\n[disk]\nfull_mb = {FULL_MB}\nlow_mb = {LOW_MB}\n")
    start_station(scene.shop)
    scene.shop.cameras_up()


def unmount(root: Path) -> None:
    """Let go of the small disk, if there is one."""
    if os.path.ismount(root):
        subprocess.run(["umount", "--lazy", str(root)], check=True)


def _unreceipted(shop: Shop) -> dict[Path, str]:
    """The parts of takes without a receipt, and their digests."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in shop.layout.takes.iterdir()
        if folder.is_dir() and not (folder / "receipt.json").exists()
        for path in folder.glob("parts/*/*.m4s")
    }


def _fill(scene: Scene) -> None:
    """Fill the disk while a parcel is filmed and the hub takes nothing; scan on until a start is refused."""
    shop, root = scene.shop, scene.shop.layout.root
    scene.hub.be(Mood.ERROR)
    ballast = root / "ballast"
    with ballast.open("wb", buffering=0) as file:
        left = shutil.disk_usage(root).free - scene.rng.randrange(300_000)
        while left > 0:
            left -= file.write(bytes(min(left, 1 << 20)))
        kept = _unreceipted(shop)
        time.sleep(2)
        answers = []

        def refused() -> bool:
            answers.append(shop.scan(str(scene.rng.randrange(10**11, 10**12))).json())
            return not answers[-1]["accepted"]

        until(refused, what="a start is refused", pause=1.0)
        assert answers[-1]["take"] is None or answers[-1]["take"] in shop.codes, answers[-1]
        time.sleep(GUARD_SECONDS)
        scene.kept["seen"] = shop.kiosk()
    gone = [str(path) for path, digest in kept.items() if _digest(path) != digest]
    assert not gone, f"film without a receipt is gone or changed: {gone[:3]}"
    assert scene.kept["seen"]["status"]["disk"] == "full", scene.kept["seen"]["status"]
    ballast.unlink()
    scene.hub.be(Mood.CALM)
    until(lambda: shop.kiosk()["status"]["disk"] != "full", what="the kiosk says that there is room")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "gone"


def _says_so(scene: Scene, manifest: Manifest) -> None:
    """What could not be written is stated, and the film that was there before is in the film."""
    assert all(camera.parts for camera in manifest.cameras)


def _slow(scene: Scene) -> None:
    delay = scene.rng.randint(*SLOW_MS) * 1000
    restart_station(
        scene.shop,
        [
            *(shutil.which(STRACE) or STRACE, "-D", "-f", "--seccomp-bpf", "-q", "-o", os.devnull),
            *("-e", "trace=fsync,fdatasync", "-e", "signal=none"),
            *("-e", f"inject=fsync,fdatasync:delay_enter={delay}"),
        ],
    )


def _film_on(scene: Scene) -> None:
    time.sleep(4)


FULL: Final = Fault(_fill, before=_mount, judge=_says_so)
SLOW: Final = Fault(_film_on, before=_slow, judge=_says_so)
