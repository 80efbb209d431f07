"""A short form of `make faults`: some faults, once each, and the audit after them."""

from pathlib import Path

import pytest

from tests.e2e.audit import audit
from tests.e2e.shop import Shop
from tests.faults.faults import FAULTS
from tests.faults.runs import HOLE_MS, OPEN_PART_MS, faulty_hub, run, same_bytes

SHORT = ("all-killed", "recorder-segfault", "camera-frozen", "camera-garbled", "hub-half-answers")
"""Those that no other test here makes happen."""


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
