import pytest

from packwitness.evidence.chain import ZERO, EventChain, PartChain, hash_fields
from packwitness.evidence.errors import Malformed

A, B = "a" * 64, "b" * 64


def test_fields_do_not_run_into_each_other() -> None:
    assert hash_fields("d", "ab", "c") != hash_fields("d", "a", "bc")
    assert hash_fields("d", "ab") != hash_fields("da", "b")
    assert hash_fields("d", 1) != hash_fields("d", "\x01")


def test_a_chain_goes_on_where_a_ledger_stopped() -> None:
    whole = PartChain("bench-1", "overhead")
    heads = [whole.append(A, digest) for digest in (A, B, A)]
    resumed = PartChain("bench-1", "overhead", count=2, head=heads[1])
    assert (resumed.append(A, A), resumed.count) == (heads[2], 3)


@pytest.mark.parametrize(
    "other",
    [
        PartChain("bench-2", "overhead"),
        PartChain("bench-1", "side"),
        PartChain("bench-1", "overhead", count=1),
        PartChain("bench-1", "overhead", head=A),
    ],
)
def test_a_link_depends_on_take_camera_number_and_what_was_before(other: PartChain) -> None:
    assert other.append(A, B) != PartChain("bench-1", "overhead").append(A, B)


def test_a_link_depends_on_init_and_part() -> None:
    links = {PartChain("t", "c").append(init, part) for init in (A, B) for part in (A, B)}
    assert len(links) == 4


def test_an_empty_chain_has_64_zeros() -> None:
    assert PartChain("t", "c").head == EventChain("t").head == ZERO == "0" * 64


@pytest.mark.parametrize("digest", ["", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(Malformed):
        PartChain("t", "c").append(A, digest)
