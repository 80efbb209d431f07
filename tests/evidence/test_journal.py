import time
from datetime import timedelta
from typing import Any

import pytest

from packwitness.evidence.canonical import canonical
from packwitness.evidence.chain import ZERO
from packwitness.evidence.errors import Malformed
from packwitness.evidence.journal import EntryKind, check_sequence, entry
from packwitness.evidence.manifest import Manifest
from packwitness.evidence.seal import check_journal
from packwitness.evidence.statements import Statement, sign
from tests.evidence.takes import BENCH, NOW, TAKE, key, make_take

KEY = key("station").public.key_id


def make(n: int, previous: str, kind: EntryKind = "boot", signer: str = "station", **data: Any) -> Statement:
    moment = NOW + timedelta(seconds=n)
    return sign(entry(bench=BENCH, n=n, previous=previous, utc=moment, kind=kind, data=data), key(signer))


def chain(*kinds: tuple[EntryKind, str, dict[str, Any]]) -> list[Statement]:
    entries: list[Statement] = []
    for n, (kind, signer, data) in enumerate(kinds, 1):
        previous = entries[-1].digest if entries else ZERO
        entries.append(make(n, previous, kind, signer, **data))
    return entries


def complaint(entries: list[Statement], **start: Any) -> str:
    findings = check_sequence(entries, bench=BENCH, **({"key": KEY} | start))
    assert all(finding.code == "journal_mismatch" for finding in findings)
    return findings[0].detail if findings else ""


def test_a_whole_journal_and_a_batch_of_it() -> None:
    entries = make_take().journal
    assert complaint(entries) == ""
    assert complaint(entries[2:], after=2, previous=entries[1].digest) == ""
    assert complaint([]) == ""


def test_a_gap_a_fork_and_a_stranger_are_seen() -> None:
    entries = make_take().journal
    assert complaint(entries[:2] + entries[3:]) == "entry 3: it is numbered 4"
    assert complaint(entries[1:]) == "entry 1: it is numbered 2"
    assert complaint([entries[0], make(2, ZERO)]) == "entry 2: it does not follow the entry before it"
    assert complaint([make(1, ZERO, signer="other")]) == "entry 1: it is not signed by the station's key"
    assert complaint(entries[2:], after=2, previous=ZERO) == "entry 3: it does not follow the entry before it"
    found = check_sequence(entries, bench="another", key=KEY)
    assert found[0].detail == f"entry 1: it belongs to bench {BENCH}"


def test_a_key_is_handed_on_by_the_old_one() -> None:
    change = {"key": key("new").public.key_id, "certificate": ZERO}
    assert complaint(chain(("key", "station", change), ("boot", "new", {}))) == ""
    late = chain(("key", "station", change), ("boot", "station", {}))
    assert complaint(late) == "entry 2: it is not signed by the station's key"
    forged = chain(("key", "new", change), ("boot", "new", {}))
    assert complaint(forged) == "entry 1: it is not signed by the station's key"


def test_what_is_no_entry_is_a_finding() -> None:
    assert "kind" in complaint([sign({**make(1, ZERO).payload, "kind": "party"}, key("station"))])


def test_an_entry_that_cannot_be_signed_is_refused() -> None:
    with pytest.raises(Malformed):
        make(0, ZERO)
    with pytest.raises(Malformed):
        make(1, ZERO, weight=1.5)


def check(entries: list[Statement]) -> list[str]:
    take = make_take()
    manifest = Manifest.from_payload(take.manifest.payload)
    findings = check_journal(manifest, take.manifest.digest, entries, key("station").public)
    return [finding.detail for finding in findings]


def rewritten(number: int, **changes: Any) -> list[Statement]:
    """The take's journal with one entry changed, and all that follows signed again by the same key."""
    entries: list[Statement] = []
    for old in make_take().journal:
        payload = {**old.payload, "previous": entries[-1].digest if entries else ZERO}
        if payload["n"] == number:
            payload |= changes
        entries.append(sign(payload, key("station")))
    return entries


def test_the_take_stands_in_its_journal() -> None:
    assert check(make_take().journal) == []
    assert check(make_take().journal[::-1]) == []


def test_a_journal_without_the_seal_or_the_start_is_seen() -> None:
    entries = make_take().journal
    assert check(entries[:3]) == ["entry 4 is missing"]
    assert check(entries[2:]) == ["entry 2 is missing"]


def test_a_journal_written_again_does_not_fit() -> None:
    assert check(rewritten(4, data={"take": TAKE, "manifest": ZERO})) == ["the seal is of another manifest"]
    assert check(rewritten(3, utc="2026-11-22T10:00:01.000Z")) == ["the entry before the seal is another one"]
    assert "the entry that began the take is not of this take" in check(rewritten(2, data={"take": "x-2"}))


def test_an_entry_that_does_not_follow_is_seen() -> None:
    take = make_take()
    torn = sign({**take.journal[2].payload, "previous": ZERO}, key("station"))
    seal = sign({**take.journal[3].payload, "previous": torn.digest}, key("station"))
    payload = dict(take.manifest.payload)
    payload["journal"] = {"start": payload["journal"]["start"], "head": {"n": 3, "digest": torn.digest}}
    manifest = Manifest.from_payload(payload)
    entries = [*take.journal[:2], torn, seal]
    found = check_journal(manifest, take.manifest.digest, entries, key("station").public)
    assert [finding.detail for finding in found] == ["entry 3 does not follow entry 2"]


def test_a_checkpoint_that_says_otherwise_is_seen() -> None:
    data = dict(make_take().journal[2].payload["data"])
    for name, change in {
        "cameras": {"overhead": {"parts": 4, "chain": ZERO}},
        "events": {"count": 99, "chain": ZERO},
    }.items():
        assert "checkpoint 3 says otherwise" in check(rewritten(3, data={**data, name: change}))
    for change in ({"nobody": {"parts": 1, "chain": ZERO}}, {"overhead": 5}, None):
        assert "checkpoint 3 says otherwise" in check(rewritten(3, data={**data, "cameras": change}))


def test_an_entry_of_another_key_is_seen() -> None:
    entries = make_take().journal
    foreign = sign(entries[2].payload, key("other"))
    assert check([*entries[:2], foreign, entries[3]]) == ["entry 3 is not signed by this station"]
    assert canonical(dict(foreign.payload)) == entries[2].canonical


def cost_of_checkpoints(count: int) -> float:
    """Seconds of CPU to check a take of 2,000 parts whose journal holds so many checkpoints."""
    take = make_take()
    payload = dict(take.manifest.payload)
    camera = payload["cameras"][0]
    payload["cameras"] = [{**camera, "parts": camera["parts"][:1] * 2_000}]
    entries = take.journal[:2]
    mark: dict[str, Any] = {"take": TAKE, "cameras": {}, "events": {"count": 0, "chain": ZERO}}
    for n in range(3, 3 + count):
        entries.append(make(n, entries[-1].digest, "checkpoint", **mark))
    head = {"n": entries[-1].payload["n"], "digest": entries[-1].digest}
    payload["journal"] = {"start": payload["journal"]["start"], "head": head}
    manifest = Manifest.from_payload(payload)
    entries.append(make(head["n"] + 1, head["digest"], "seal", take=TAKE, manifest=ZERO, outcome="completed"))
    begun = time.process_time()
    assert check_journal(manifest, ZERO, entries, key("station").public) == []
    return time.process_time() - begun


def test_checkpoints_cost_by_their_number_and_not_by_the_film_each() -> None:
    assert cost_of_checkpoints(200) < 0.3 + 10 * cost_of_checkpoints(1)
