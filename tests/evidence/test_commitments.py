from typing import Any

import pytest

from packwitness.evidence.commitments import Disclosure, commit
from packwitness.evidence.errors import Malformed


def test_the_same_value_is_committed_to_differently_each_time() -> None:
    one, two = Disclosure.make("1Z999"), Disclosure.make("1Z999")
    assert one.commitment != two.commitment
    assert one.holds()
    assert two.holds()


def test_another_value_or_salt_does_not_open_it() -> None:
    made = Disclosure.make("1Z999")
    assert not Disclosure(made.commitment, made.salt, "1Z998").holds()
    assert not Disclosure(made.commitment, bytes(16), "1Z999").holds()


def test_a_disclosure_survives_json() -> None:
    made = Disclosure.make("번호 12")
    assert Disclosure.from_value(made.to_value()) == made


@pytest.mark.parametrize(
    "changes",
    [{"salt": "AAAA"}, {"commitment": "x"}, {"value": 5}, {"value": "x" * 1001}, {"more": ""}],
)
def test_what_is_no_disclosure_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Disclosure.from_value(Disclosure.make("x").to_value() | changes)


def test_a_salt_has_sixteen_bytes() -> None:
    with pytest.raises(Malformed):
        commit("x", bytes(15))
