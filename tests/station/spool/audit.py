"""Looks a whole spool over, from disk, as a suspicious stranger would."""

import hashlib

from packwitness.evidence.chain import PartChain
from packwitness.evidence.manifest import Manifest
from packwitness.evidence.statements import Statement
from packwitness.station.spool.layout import files_under
from tests.station.spool.station_of_one import BENCH, STATION_KEY, Spool


def audit(spool: Spool, *, all_sealed: bool = True) -> int:
    """Assert what recording.md promises and return how many takes there are.

    Every start in the journal has one take and every take its start; the journal is gapless, chained and
    signed; every row has its file with its digest, chained; every sealed take's manifest holds and is
    journaled.
    """
    ledger = spool.ledger
    entries = [Statement.from_value(value) for value in ledger.entries(BENCH, first=1, limit=100_000)]
    previous = "0" * 64
    for number, entry in enumerate(entries, start=1):
        assert (entry.payload["n"], entry.payload["previous"]) == (number, previous)
        assert entry.verified_by(STATION_KEY.public)
        previous = entry.digest

    takes = ledger.takes_in("recording", "closed", "sealed", "receipted", "dropped")
    starts = {entry.payload["data"]["take"]: entry for entry in entries if entry.payload["kind"] == "start"}
    seals = {entry.payload["data"]["take"]: entry for entry in entries if entry.payload["kind"] == "seal"}
    assert sorted(starts) == sorted(take.take for take in takes)
    assert len(seals) == sum(entry.payload["kind"] == "seal" for entry in entries)

    for take in takes:
        named = 0
        for camera in ledger.cameras(take.take):
            chain = PartChain(take.take, camera.camera)
            inits = ledger.inits(take.take, camera.camera)
            for init in inits:
                data = spool.layout.init_file(take.take, camera.camera, init.k).read_bytes()
                assert hashlib.sha256(data).hexdigest() == init.sha256
            for number, part in enumerate(ledger.parts(take.take, camera.camera)):
                data = spool.layout.part_file(take.take, camera.camera, part.n).read_bytes()
                assert (part.n, part.sha256) == (number, hashlib.sha256(data).hexdigest())
                assert part.chain == chain.append(inits[part.init].sha256, part.sha256)
                named += 1
            named += len(inits)
        if all_sealed:
            assert take.state != "recording"
            assert len(list(files_under(spool.layout.take(take.take) / "parts"))) == named
            statement = Statement.from_json((spool.layout.take(take.take) / "manifest.json").read_bytes())
            manifest = Manifest.from_payload(statement.payload)
            assert statement.verified_by(STATION_KEY.public)
            assert statement.digest == take.manifest_digest == seals[take.take].payload["data"]["manifest"]
            assert manifest.journal.start.payload() == {"n": take.n, "digest": starts[take.take].digest}
            assert seals[take.take].payload["previous"] == manifest.journal.head.digest
            assert manifest.events_chain == (manifest.event_heads() or ["0" * 64])[-1]
            for film in manifest.cameras:
                assert film.chain == (film.chain_heads(take.take) or ["0" * 64])[-1]
    return len(takes)
