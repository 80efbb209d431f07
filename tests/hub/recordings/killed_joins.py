"""A program: takes are sealed, and the process that joins each is killed at a random moment. Then all is
counted.

It runs in a data folder of its own and prints one JSON object; ``test_joining`` starts it and judges that.
"""

import json
import os
import random
import signal
import sys
import time
from typing import Any

import django

django.setup()

# All of these need Django's settings.
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from packwitness.evidence.verify import check_film  # noqa: E402
from packwitness.hub.outbox.models import Event  # noqa: E402
from packwitness.hub.recordings import joining, playback, stored  # noqa: E402
from packwitness.hub.recordings.models import Take  # noqa: E402
from packwitness.hub.vault.interface import VaultMissing  # noqa: E402
from packwitness.hub.vault.store import vault  # noqa: E402
from tests.hub.conftest import NOW, build_house  # noqa: E402
from tests.hub.recordings.filmed import Filming, Part  # noqa: E402


def film(rng: random.Random, parts: int) -> tuple[Part, ...]:
    """Parts that nobody decodes, large enough that joining them takes a while."""
    init = rng.randbytes(800)
    return tuple(Part(init, rng.randbytes(200 << 10), n * 90_000, 90_000, True) for n in range(parts))


def killed_join(take: str, after: float) -> bool:
    """Join in a child process and kill it after some seconds; return whether it was still at it."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        joining.join_film(take=take, at=NOW)
        os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def losses(filming: Filming) -> list[str]:
    """Return what is wrong: bytes that can be read nowhere any more, or others than were sealed."""
    found: list[str] = []
    row = Take.objects.get(pk=filming.take)
    for camera in stored.manifest(row).cameras:
        served = b"".join(playback.film(row, camera.id).open_range())
        if served != filming.bytes_of(camera.id):
            found.append(f"{camera.id} is served otherwise")
        try:
            with vault().open(stored.film_key(row, camera.id)) as film_file:
                whole = not check_film(camera, film_file)
        except VaultMissing:
            whole = False
        _, parts = stored.arrived(row, camera.id)
        if not whole and len(parts) != len(camera.parts):
            found.append(f"{camera.id}: parts deleted before the film was whole")
    return found


def main(runs: int, seed: int) -> dict[str, Any]:
    call_command("migrate", verbosity=0)
    house, rng = build_house("House"), random.Random(seed)
    lost: list[str] = []
    killed = 0
    states: dict[str, int] = {}
    length = 0.3
    for number in range(1, runs + 1):
        cameras = {"overhead": film(rng, 8), "label": film(rng, 5)}
        filming = Filming(house, number=number, code=f"code-{number}", cameras=cameras)
        filming.whole()
        for _ in range(2):
            killed += killed_join(filming.take, rng.uniform(0, length))
            lost += losses(filming)
        state = Take.objects.get(pk=filming.take).film_state
        states[state] = states.get(state, 0) + 1
        begun = time.monotonic()
        joining.join_film(take=filming.take, at=NOW)
        length = max(0.05, 0.5 * length + 0.5 * (time.monotonic() - begun))
        lost += losses(filming)
    joined = Take.objects.filter(film_state="joined").count()
    keys = [info.key for info in vault().list(house.organisation.id)]
    return {
        "lost": lost,
        "killed": killed,
        "states": states,
        "joined": joined,
        "events": Event.objects.filter(name="film.joined").count(),
        "parts_left": sum("/takes/" in key for key in keys),
        "films": sum("/films/" in key for key in keys),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
