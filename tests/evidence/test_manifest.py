import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from packwitness.evidence.errors import Malformed
from packwitness.evidence.manifest import Clock, Manifest
from tests.evidence.takes import NOW, make_take

PAYLOAD = dict(make_take().manifest.payload)


def changed(change: Callable[[Any], Any]) -> dict[str, Any]:
    payload = copy.deepcopy(PAYLOAD)
    change(payload)
    return payload


def test_what_is_read_is_written_back_unchanged() -> None:
    manifest = Manifest.from_payload(PAYLOAD)
    assert manifest.payload() == PAYLOAD
    assert manifest.started_at == NOW


def test_times_are_cut_when_a_manifest_is_made() -> None:
    clock = Clock(
        source="system",
        reference="hub",
        offset_ms=0,
        uncertainty_ms=0,
        measured_at=datetime(2026, 11, 22, 10, 0, 0, 1_999, tzinfo=UTC),
    )
    assert clock.payload()["measured_at"] == "2026-11-22T10:00:00.001Z"
    assert Clock.from_payload(clock.payload()) == clock


def test_the_init_of_each_part() -> None:
    manifest = Manifest.from_payload(PAYLOAD)
    side = manifest.camera("side")
    assert side is not None
    assert side.init_of_parts() == [0, 0, 0, 0, 1, 1]
    assert side.chain_heads(manifest.take)[-1] == side.chain
    assert manifest.event_heads()[-1] == manifest.events_chain
    assert manifest.camera("nobody") is None


def test_a_camera_that_gave_nothing() -> None:
    def silence(payload: Any) -> None:
        payload["cameras"][0] |= {"inits": [], "parts": [], "chain": "0" * 64}

    camera = Manifest.from_payload(changed(silence)).cameras[0]
    assert (camera.init_of_parts(), camera.chain_heads("t"), camera.film_size) == ([], [], 0)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda p: p.update(extra=1), "extra"),
        (lambda p: p.pop("kind"), "kind"),
        (lambda p: p.update(type="packwitness/manifest/2"), "type"),
        (lambda p: p.update(take="../x"), "take"),
        (lambda p: p.update(take="a\n"), "take"),
        (lambda p: p.update(outcome="lost"), "outcome"),
        (lambda p: p.update(started_at="2026-11-22T10:00:00Z"), "started_at"),
        (lambda p: p.update(started_at=1), "started_at"),
        (lambda p: p.update(film_until="2020-01-01T00:00:00.000Z"), "ends before"),
        (lambda p: p["clock"].update(offset_ms="4"), "offset_ms"),
        (lambda p: p["clock"].update(offset_ms=True), "offset_ms"),
        (lambda p: p["clock"].update(offset_ms=2**60), "offset_ms"),
        (lambda p: p["cameras"].append(p["cameras"][0]), "same id"),
        (lambda p: p["cameras"].clear(), "cameras"),
        (lambda p: p["cameras"].extend(p["cameras"] * 8), "cameras"),
        (lambda p: p["cameras"][0].update(id=".."), "cameras.0.id"),
        (lambda p: p["cameras"][0].update(timescale=0), "timescale"),
        (lambda p: p["cameras"][0]["parts"][0].update(size=0), "size"),
        (lambda p: p["cameras"][0]["parts"][0].update(size=33 << 20), "size"),
        (lambda p: p["cameras"][0]["parts"][0].update(sha256="A" * 64), "sha256"),
        (lambda p: p["cameras"][0]["parts"][0].update(key=1), "key"),
        (lambda p: p["cameras"][0]["inits"][0].update(size=2 << 20), "size"),
        (lambda p: p["cameras"][0]["inits"][0].update(first_part=1), "first init"),
        (lambda p: p["cameras"][0]["inits"].clear(), "first init"),
        (lambda p: p["cameras"][0]["parts"].clear(), "first init"),
        (lambda p: p["cameras"][1]["inits"][1].update(first_part=0), "later part"),
        (lambda p: p["cameras"][1]["inits"][1].update(first_part=6), "no part"),
        (lambda p: p["events"][1].update(n=2), "numbered"),
        (lambda p: p["events"][1].update(kind="danced"), "kind"),
        (lambda p: p["journal"]["start"].update(n=0), "journal.start.n"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(change: Callable[[Any], Any], place: str) -> None:
    with pytest.raises(Malformed, match=place):
        Manifest.from_payload(changed(change))


@pytest.mark.parametrize("payload", [None, [], "x", {}])
def test_what_is_no_manifest_is_refused(payload: Any) -> None:
    with pytest.raises(Malformed):
        Manifest.from_payload(payload)
