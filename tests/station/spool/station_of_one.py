"""A real spool on disk with one bench, for the tests of this folder."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from packwitness.evidence.certificates import Organisation, Subject, certificate
from packwitness.evidence.keys import PublicKey, SigningKey
from packwitness.evidence.statements import sign
from packwitness.station.spool.journal import Journal, TakeStart
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.parts import LedgerPartStore
from packwitness.station.spool.recovery import create_spool, open_spool
from packwitness.station.spool.rows import NewEvent
from packwitness.station.spool.seal import Identity

BENCH = "bench1"
START_MS = 1_795_341_600_000
"""2026-11-22T10:00:00Z."""
START_NS = 5_000_000_000_000
UNMEASURED = {
    "source": "system",
    "reference": "none",
    "offset_ms": None,
    "uncertainty_ms": None,
    "measured_at": None,
}
ORGANISATION_KEY = SigningKey.from_seed(b"o" * 32)
HUB_KEY = SigningKey.from_seed(b"h" * 32)
STATION_KEY = SigningKey.from_seed(b"s" * 32)


@dataclass(frozen=True)
class SoundFacts:
    codec: str = "mp4a.40.2"
    sample_rate: int = 8_000
    channels: int = 1
    encoded_from: str | None = "pcm_alaw"


@dataclass(frozen=True)
class Facts:
    codec: str = "avc1.64001f"
    width: int = 1280
    height: int = 720
    timescale: int = 90_000
    audio: SoundFacts | None = None


def certify(kind: str, name: str, key: PublicKey) -> dict[str, object]:
    organisation = Organisation(id="org1", name="Shop")
    payload = certificate(
        organisation=organisation,
        subject=Subject.from_payload({"kind": kind, "id": name, "name": name}),
        key=key,
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_until=datetime(2036, 1, 1, tzinfo=UTC),
        issuer=ORGANISATION_KEY.public,
    )
    return sign(payload, ORGANISATION_KEY).to_value()


def certificates(station: PublicKey) -> list[dict[str, object]]:
    """What the hub hands a station with this key."""
    return [
        certify("organisation", "org1", ORGANISATION_KEY.public),
        certify("station", "station1", station),
        certify("hub", "hub1", HUB_KEY.public),
    ]


CERTIFICATES = tuple(certificates(STATION_KEY.public))
IDENTITY = Identity("org1", "station1", {BENCH: "Bench 1"}, CERTIFICATES, "0.1.0")


@dataclass
class Spool:
    layout: Layout
    ledger: Ledger
    journal: Journal
    store: LedgerPartStore

    def begin(self, code: str = "1Z999", *, after_s: int = 0, bench: str = BENCH) -> str:
        start = TakeStart(
            bench=bench,
            kind="packing",
            code=code,
            code_kind="tracking_number",
            logic="laid-lifted",
            logic_version="ab" * 32,
            cameras=(("overhead", "Overhead"), ("label", "Label")),
            started_ms=START_MS + after_s * 1000,
            started_ns=START_NS + after_s * 1_000_000_000,
            pre_roll_ms=3000,
            clock=UNMEASURED,
        )
        return self.journal.start_take(start, utc_ms=start.started_ms)

    def film(
        self, take: str, *, parts: int, camera: str = "overhead", after_s: int = 0, size: int = 400
    ) -> None:
        """One-second parts of about ``size`` bytes, from 3.2 s before the start."""
        origin = START_NS + after_s * 1_000_000_000 - 3_200_000_000
        init = self.store.put_init(
            take=take, camera=camera, data=f"init of {camera}".encode(), info=Facts(), origin_ns=origin
        )
        first = len(self.ledger.parts(take, camera))
        for n in range(first, first + parts):
            text = f"{take} {camera} {n}".encode()
            data = text * (size // len(text))
            self.store.put_part(
                take=take,
                camera=camera,
                init=init.k,
                data=data,
                start=n * 90_000,
                duration=90_000,
                key=n % 2 == 0,
            )


def note(spool: Spool, take: str, *, kind: str, utc_ms: int, data: dict[str, object]) -> int:
    (number,) = spool.ledger.record_events(take=take, events=[NewEvent(kind, utc_ms, data)])
    return number


def make(root: Path) -> Spool:
    create_spool(Layout(root)).close()
    return reopen(root)


def close_all(spool: Spool) -> None:
    spool.store.close()
    spool.ledger.close()


def reopen(root: Path) -> Spool:
    layout = Layout(root)
    ledger = open_spool(layout)
    return Spool(layout, ledger, Journal(ledger, STATION_KEY), LedgerPartStore(layout, Ledger(layout.ledger)))
