"""Parts that go from the station straight to the object store, past this process.

1. ``tickets``: the station names parts. What is not here yet gets a ticket: leave to put these very bytes, of
   this size and digest, under this name, once and within ``TICKET_SECONDS``. The store holds it to that.
2. The station puts them.
3. ``stored``: it names them again, and each is acknowledged once the store itself says that the object is
   there, with this size and this digest. Only that is the acknowledgement that promise 2 speaks of.

No row is written: the name says everything, as it does for a part that comes through the hub. A crash after
2 leaves an object that the next 1 finds. A ticket may be used when its take has been joined meanwhile; what
that leaves is deleted by 3, or by the join's task, which comes once more after that time.
"""

import os.path
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final

from django.conf import settings

from packwitness.hub.recordings import operations, stored
from packwitness.hub.recordings.models import FilmState, Take, TakeState
from packwitness.hub.recordings.names import PartName, read_part
from packwitness.hub.recordings.operations import IngestError, PartDiffers, TakeIsSealed
from packwitness.hub.scope.scope import Scope
from packwitness.hub.stations.models import Station
from packwitness.hub.vault.interface import Ticket, Vault
from packwitness.hub.vault.store import vault
from packwitness.protocol import PartNamed

TICKET_SECONDS: Final = 900
"""How long a ticket holds: longer than a shop's line needs for the parts of one batch."""
AT_ONCE: Final = 8
"""Questions to the store at the same time, for one call."""


class DirectOff(IngestError):
    """Parts go through the hub here: the operator has not said otherwise, or the store takes no tickets."""


def tickets(
    *, scope: Scope, station: Station, parts: Sequence[PartNamed]
) -> list[Ticket | IngestError | None]:
    """Return a ticket for each part, in their order; or why there is none, or None: it is stored.

    Raises:
        DirectOff: see there.
    """
    _require_on()
    store, given = vault(), dict[int, Ticket | IngestError | None]()
    for (take, camera), numbered in _by_camera(parts).items():
        try:
            row = operations.open_take(scope=scope, station=station, take=take, camera=camera)
        except IngestError as error:
            given |= dict.fromkeys(numbered, error)
            continue
        prefix = stored.folder(row, camera)
        there = _there(store, prefix, numbered.values())
        for at, part in numbered.items():
            given[at] = _ticket(store, prefix, _name(part), there[part.number])
    return [given[at] for at in range(len(parts))]


def confirm(
    *, scope: Scope, station: Station, parts: Sequence[PartNamed], at: datetime
) -> list[bool | IngestError]:
    """Return for each part, in their order, whether it is stored, or why it may not be.

    Raises:
        DirectOff: see there.
    """
    _require_on()
    store, rows, given = vault(), dict[int, Take](), dict[int, bool | IngestError]()
    for (take, camera), numbered in _by_camera(parts).items():
        try:
            row = operations.open_take(scope=scope, station=station, take=take, camera=camera)
        except TakeIsSealed as error:
            given |= dict.fromkeys(numbered, error)
            _drop_late(store, operations.station_take(scope=scope, station=station, take=take), numbered)
        except IngestError as error:
            given |= dict.fromkeys(numbered, error)
        else:
            rows |= dict.fromkeys(numbered, row)
    with ThreadPoolExecutor(AT_ONCE, "confirm") as pool:
        held = pool.map(lambda asked: _holds(store, rows[asked], parts[asked]), rows)
        given |= dict(zip(rows, held, strict=True))
    for row in {row.pk: row for row in rows.values()}.values():
        operations.seen(row, at=at)
        now = Take.objects.only("organisation_id", "state", "film_state").get(pk=row.pk)
        if now.state != TakeState.RECORDING:
            mine = {index: parts[index] for index, each in rows.items() if each.pk == row.pk}
            given |= dict.fromkeys(mine, TakeIsSealed(f"Take {row.pk} is {now.state}."))
            _drop_late(store, now, mine)
    return [given[at] for at in range(len(parts))]


def _require_on() -> None:
    if not settings.DIRECT_UPLOAD:
        raise DirectOff("Send parts to the hub.")


def _by_camera(parts: Sequence[PartNamed]) -> dict[tuple[str, str], dict[int, PartNamed]]:
    """Return the parts of each take and camera, by their places in the call."""
    found: dict[tuple[str, str], dict[int, PartNamed]] = defaultdict(dict)
    for at, part in enumerate(parts):
        found[part.take, part.camera][at] = part
    return found


def _name(part: PartNamed) -> PartName:
    return PartName(part.number, part.init, part.start, part.duration, part.key, part.size, part.sha256)


def _there(store: Vault, prefix: str, parts: Collection[PartNamed]) -> dict[int, set[str]]:
    """Return the names that are stored under each part's number: one listing for parts that lie together."""
    numbers = [f"{part.number:08d}" for part in parts]
    found: dict[int, set[str]] = {part.number: set() for part in parts}
    together = os.path.commonprefix(numbers)  # noqa: RUF071 - of digits, not of folders
    for info in store.list(prefix + together):
        leaf = info.key.removeprefix(prefix)
        name = read_part(leaf)
        if name is not None and name.number in found:
            found[name.number].add(leaf)
    return found


def _ticket(store: Vault, prefix: str, name: PartName, there: set[str]) -> Ticket | IngestError | None:
    size, sha256 = name.size, bytes.fromhex(name.sha256)
    if there == {str(name)} and store.holds(prefix + str(name), size=size, sha256=sha256):
        return None
    if there:
        return PartDiffers(f"Other bytes are stored as part {name.number}.")
    ticket = store.ticket(prefix + str(name), size=size, sha256=sha256, seconds=TICKET_SECONDS)
    return ticket or DirectOff("The store takes nothing but from the hub.")


def _holds(store: Vault, row: Take, part: PartNamed) -> bool:
    key = stored.folder(row, part.camera) + str(_name(part))
    return store.holds(key, size=part.size, sha256=bytes.fromhex(part.sha256))


def _drop_late(store: Vault, row: Take, late: Mapping[int, PartNamed]) -> None:
    """Delete what came when its take was joined already: nobody looks at it again."""
    if row.film_state == FilmState.JOINED:
        store.delete(*(stored.folder(row, part.camera) + str(_name(part)) for part in late.values()))
