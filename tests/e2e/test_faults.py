"""A short form of `make faults`: some faults, once each, and the audit after them."""

import sys
from pathlib import Path

import pytest

from tests.e2e.audit import audit
from tests.e2e.shop import Shop
from tests.faults.cuts import record, replay
from tests.faults.disk import Leaves
from tests.faults.faults import FAULTS
from tests.faults.holes import HOLE_MS, OPEN_PART_MS
from tests.faults.runs import faulty_hub, run, same_bytes

SHORT = ("all-killed", "recorder-segfault", "camera-frozen", "camera-garbled", "hub-half-answers")
"""Those that no other test here makes happen."""
SYNCS = (21,)
"""In the middle of a take; `make faults` does them all."""
strace_only = pytest.mark.skipif(sys.platform != "linux", reason="strace is for Linux")


@pytest.mark.timeout(240)
def test_faults_cost_no_parcel_and_every_hole_is_stated(shop: Shop, tmp_path: Path) -> None:
    assert set(SHORT) <= set(FAULTS)
    with faulty_hub(shop) as hub:
        outcomes = [run(shop, hub, fault, seed=3) for fault in SHORT]

        assert [one.outcome for one in outcomes] == ["interrupted", *["completed"] * 4]
        assert max(one.unstated_ms for one in outcomes) <= HOLE_MS
        assert max(one.lost_ms for one in outcomes) <= OPEN_PART_MS
        assert all(same_bytes(shop, one.take) for one in outcomes)
        audit(shop, tmp_path)


@strace_only
@pytest.mark.timeout(240)
def test_a_kill_at_an_fsync_costs_no_parcel(shop: Shop, tmp_path: Path) -> None:
    with faulty_hub(shop) as hub:
        outcomes = [run(shop, hub, "killed-at-sync", seed=3, number=number) for number in SYNCS]

        assert max(one.unstated_ms for one in outcomes) <= HOLE_MS
        assert max(one.lost_ms for one in outcomes) <= OPEN_PART_MS
        assert all(same_bytes(shop, one.take) for one in outcomes)
        audit(shop, tmp_path)


@strace_only
@pytest.mark.timeout(240)
def test_a_power_cut_takes_back_nothing_that_was_told(shop: Shop) -> None:
    log, before = record(shop, seconds=2)

    judged = replay(log, shop.layout.root, before, cuts=25, each=len(Leaves), seed=3)

    assert len(judged) == 25 * len(Leaves)
    assert [one for one in judged if one.wrong] == []
    # How late a part is written by the clock is judged by `make faults`: here strace and other tests slow it.
    assert max(one.unstated_ms for one in judged) <= HOLE_MS
