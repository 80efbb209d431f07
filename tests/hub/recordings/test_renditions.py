"""Copies for viewing: the same pictures at the same times, made once, named after their original, never
instead of it.
"""

import argparse
import hashlib
import io
import json
import os
import signal
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import av
import psutil
import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from django_ox.testing import run_tasks

from packwitness.evidence.command import configure, run
from packwitness.evidence.keys import SigningKey
from packwitness.evidence.renditions import check_rendition
from packwitness.evidence.statements import Statement, sign
from packwitness.hub.bundles import contents
from packwitness.hub.notary import queries as notary
from packwitness.hub.recordings import converting, names, playback, renditions, stored, tasks
from packwitness.hub.recordings.models import Rendition, Take
from packwitness.hub.recordings.renditions import Offer
from packwitness.hub.vault.filesystem import FilesystemVault
from packwitness.hub.vault.store import vault
from tests.hub.conftest import NOW, House
from tests.hub.recordings.filmed import HEVC, Filming, film, sha

pytestmark = pytest.mark.django_db


def hevc(house: House, **more: Any) -> Filming:
    """A sealed take in H.265, keyframes every two seconds."""
    found = Filming(house, cameras={"overhead": film(4, gop=20, codec="hevc")}, codec=HEVC, **more)
    found.whole()
    return found


def make(take: Take, camera: str = "overhead") -> Rendition:
    """Ask for a copy and make it at once."""
    renditions.ask(take=take, camera=camera, at=NOW)
    row = Rendition.objects.get(take=take, camera=camera)
    assert renditions.convert(rendition=row.id, clock=timezone.now) is None
    row.refresh_from_db()
    return row


def pictures(data: bytes) -> list[tuple[int, int]]:
    """Time and grey of each picture."""
    with av.open(io.BytesIO(data), "r") as file:
        return [
            (frame.pts or 0, int(frame.to_ndarray(format="rgb24")[32, 48, 0]))
            for frame in file.decode(video=0)
        ]


def alike(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> bool:
    """Whether the pictures are the same at the same times, but for what coding costs."""
    return [at for at, _ in one] == [at for at, _ in other] and all(
        abs(a - b) <= 3 for (_, a), (_, b) in zip(one, other, strict=True)
    )


def served(source: playback.FilmSource) -> bytes:
    return b"".join(source.open_range())


def keys(house: House) -> list[str]:
    return [info.key for info in vault().list(house.organisation.id)]


def test_a_copy_shows_every_picture_at_its_time(house: House) -> None:
    filming = hevc(house)
    take = Take.objects.get()
    assert renditions.offer(take, "overhead") == Offer("none")
    assert renditions.ask(take=take, camera="overhead", at=NOW) == Offer("waiting")
    run_tasks()
    take.refresh_from_db()
    row = Rendition.objects.get()
    original = filming.bytes_of("overhead")
    copy = served(renditions.film(take, "overhead"))
    assert alike(pictures(copy), pictures(original))
    with av.open(io.BytesIO(copy), "r") as file:
        assert (file.streams.video[0].codec.name, file.streams.video[0].pix_fmt) == ("h264", "yuv420p")
    assert (row.state, row.sha256, row.size, row.original_sha256) == (
        "ready",
        sha(copy),
        len(copy),
        sha(original),
    )
    assert renditions.offer(take, "overhead") == Offer("ready", 100, row.codec)
    base = f"{house.organisation.id}/renditions/{take.id}/overhead/{sha(original)}-{sha(copy)}"
    assert keys(house) == [
        f"{house.organisation.id}/films/{take.id}/overhead.mp4",
        f"{house.organisation.id}/manifests/{take.id}.json",
        f"{base}-{row.statement_digest}.json",
        f"{base}.mp4",
    ]
    assert all(names.is_ours(key) for key in keys(house))
    # The original is what it was, and what is proved and handed out as evidence.
    assert served(playback.film(take, "overhead")) == original
    assert [name for name, _ in contents.members(take) if name.startswith("films/")] == ["films/overhead.mp4"]


def test_a_window_shows_of_the_copy_what_it_shows_of_the_original(house: House) -> None:
    hevc(house)
    take = Take.objects.get()
    make(take)
    for window in ((0, 1000), (1, None), (1500, None), (0, 2500), (2000, 3000)):
        copy, original = (one(take, "overhead", *window) for one in (renditions.film, playback.film))
        assert alike(pictures(served(copy)), pictures(served(original)))


def test_a_size_that_changes_in_mid_take_leaves_one_film(house: House) -> None:
    first, second = film(2, codec="hevc"), film(1, codec="hevc", width=128)
    later = tuple(
        type(part)(part.init, _moved(part.data, 180_000), part.start + 180_000, part.duration, part.key)
        for part in second
    )
    filming = Filming(house, cameras={"overhead": first + later}, codec=HEVC)
    filming.whole()
    take = Take.objects.get()
    make(take)
    found = pictures(served(renditions.film(take, "overhead")))
    assert [at for at, _ in found] == [n * 9000 for n in range(30)]


def _moved(part: bytes, by: int) -> bytes:
    """A part of film that begins later: its tfdt says so."""
    at = part.index(b"tfdt") + 8
    return part[:at] + (int.from_bytes(part[at : at + 8], "big") + by).to_bytes(8, "big") + part[at + 8 :]


def test_what_the_hub_says_of_a_copy_can_be_checked(house: House) -> None:
    filming = hevc(house)
    take = Take.objects.get()
    row = make(take)
    statement = renditions.statement(row)
    copy, original = served(renditions.film(take, "overhead")), filming.bytes_of("overhead")
    certificates = notary.certificates(organisation_id=house.organisation.id)
    trust = notary.organisation_fingerprint(organisation_id=house.organisation.id)

    def judge(data: bytes, signed: Statement = statement, of: bytes | None = original) -> Any:
        given = None if of is None else io.BytesIO(of)
        return check_rendition(
            signed, io.BytesIO(data), certificates=certificates, trust=trust, original=given
        )

    good = judge(copy)
    assert (good.findings, good.key.state, good.original, good.exit_code) == ((), "trusted", True, 0)
    assert good.rendition.manifest == take.manifest_digest
    piece = judge(served(renditions.film(take, "overhead", 1500)))
    assert (piece.findings, piece.piece, piece.exit_code) == ((), True, 0)
    flipped = copy[:-40] + bytes([copy[-40] ^ 1]) + copy[-39:]
    assert [(one.code, one.part) for one in judge(flipped).findings] == [("part_changed", 3)]
    assert [one.code for one in judge(copy + b"more").findings] == ["film_extra_bytes"]
    assert [one.code for one in judge(copy[:-5]).findings] == ["film_truncated"]
    assert judge(copy, of=original[:-1]).exit_code == 1
    # Signed again by somebody else's key, under the hub's name or under his own.
    forger = SigningKey.generate()
    assert judge(copy, sign(statement.payload, forger)).findings[0].code == "signature_invalid"
    own = sign({**statement.payload, "made_by": forger.public.key_id}, forger)
    assert (judge(copy, own).findings, judge(copy, own).key.state) == ((), "foreign")
    other = Statement({**statement.payload, "camera": "label"}, statement.signatures)
    assert judge(copy, other).findings[0].code == "signature_invalid"


def test_a_stranger_checks_a_copy_with_packwitness_verify(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filming = hevc(house)
    take = Take.objects.get()
    make(take)
    files = {
        "copy.mp4": served(renditions.film(take, "overhead")),
        "copy.json": renditions.record(take, "overhead"),
        "film.mp4": filming.bytes_of("overhead"),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    copy, record, original = (str(tmp_path / name) for name in files)
    trust = notary.organisation_fingerprint(organisation_id=house.organisation.id)

    def verify(*words: str) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        configure(parser)
        return run(parser.parse_args([copy, record, *words])), capsys.readouterr().out

    code, said = verify("--trust", trust, "--original", original)
    assert (code, "This is a copy for viewing." in said, sha(files["film.mp4"]) in said) == (0, True, True)
    assert verify()[0] == 3
    assert verify("--trust", trust, "--original", copy)[0] == 1
    assert "보기용 변환본입니다" in verify("--lang", "ko")[1]
    assert json.loads(verify("--json")[1])["original_sha256"] == sha(files["film.mp4"])
    (tmp_path / "copy.mp4").write_bytes(files["copy.mp4"][:-1] + b"\0")
    code, said = verify("--trust", trust)
    assert (code, "CHANGED since the hub made it" in said) == (1, True)


def test_a_statement_that_was_changed_in_the_vault_serves_nothing(house: House) -> None:
    hevc(house)
    take = Take.objects.get()
    row = make(take)
    store = vault()
    assert isinstance(store, FilesystemVault)
    folder = names.rendition_folder(organisation_id=house.organisation.id, take=take.id, camera="overhead")
    path = store._root / f"{folder}{row.original_sha256}-{row.sha256}-{row.statement_digest}.json"
    path.write_bytes(path.read_bytes().replace(b'"overhead"', b'"label"'))
    with pytest.raises(stored.NoFilm, match="not what was signed"):
        renditions.film(take, "overhead")


def test_h264_needs_no_copy_and_a_running_take_gets_none(house: House) -> None:
    running = Filming(house, cameras={"overhead": film(4, gop=20, codec="hevc")}, codec=HEVC)
    running.announce()
    assert renditions.ask(take=Take.objects.get(), camera="overhead", at=NOW) == Offer("needless")
    running.send_parts()
    running.seal()
    Take.objects.all().update(cameras=[{"id": "overhead", "codec": "avc1.64001f", "parts": 4}])
    assert renditions.ask(take=Take.objects.get(), camera="overhead", at=NOW) == Offer("needless")
    assert not Rendition.objects.exists()


def test_asking_again_and_again_makes_one_copy(house: House) -> None:
    hevc(house)
    take = Take.objects.get()
    for _ in range(5):
        renditions.ask(take=take, camera="overhead", at=NOW)
    run_tasks()
    row = Rendition.objects.get()
    made = row.made_at
    assert renditions.convert(rendition=row.id, clock=timezone.now) is None
    row.refresh_from_db()
    assert (row.attempts, row.made_at) == (1, made)


def test_an_organisation_cannot_have_everything_converted_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renditions, "WAITING_LIMIT", 1)
    first = hevc(house)
    hevc(house, number=2, code="two", previous=first.start.digest, started_at=NOW + timedelta(hours=1))
    one, two = Take.objects.order_by("number")
    assert renditions.ask(take=one, camera="overhead", at=NOW) == Offer("waiting")
    assert renditions.ask(take=two, camera="overhead", at=NOW) == Offer("busy")
    make(one)
    assert renditions.ask(take=two, camera="overhead", at=NOW) == Offer("waiting")


def test_one_at_a_time_and_a_dead_workers_claim_runs_out(house: House) -> None:
    hevc(house)
    take, now = Take.objects.get(), timezone.now()
    renditions.ask(take=take, camera="overhead", at=NOW)
    row = Rendition.objects.get()
    lease = now + timedelta(seconds=20)
    Rendition.objects.update(state="converting", claim="somebody", lease_until=lease)
    assert renditions.convert(rendition=row.id, clock=lambda: now) == lease
    assert Rendition.objects.get().claim == "somebody"
    assert renditions.convert(rendition=row.id, clock=lambda: lease + timedelta(seconds=1)) is None
    assert Rendition.objects.get().state == "ready"


def test_another_film_waits_for_its_turn(house: House) -> None:
    first = hevc(house)
    hevc(house, number=2, code="two", previous=first.start.digest, started_at=NOW + timedelta(hours=1))
    now = timezone.now()
    for take in Take.objects.all():
        renditions.ask(take=take, camera="overhead", at=NOW)
    one, two = Rendition.objects.order_by("take__number")
    Rendition.objects.filter(pk=one.pk).update(
        state="converting", claim="somebody", lease_until=now + timedelta(seconds=20)
    )
    again = renditions.convert(rendition=two.id, clock=lambda: now)
    assert again is not None
    assert now < again
    assert Rendition.objects.get(pk=two.pk).state == "waiting"


@pytest.mark.django_db(transaction=True)
def test_workers_that_claim_at_once_are_no_more_than_allowed(house: House) -> None:
    hevc(house)
    take, now = Take.objects.get(), timezone.now()
    given = {"take": take, "organisation_id": house.organisation.id, "created_at": NOW}
    rows = [Rendition.objects.create(camera=f"c{number}", **given) for number in range(6)]
    ready = threading.Barrier(len(rows))

    def claim(row: Rendition) -> None:
        ready.wait()
        for _ in range(10):
            renditions._has_turn(row, row.camera, now)
        connection.close()

    threads = [threading.Thread(target=claim, args=(row,)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Rendition.objects.filter(state="converting").count() == 1


@pytest.fixture
def reporting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of progress come at once, so that a short film has some."""
    monkeypatch.setattr(converting, "_REPORT_EVERY", 0.0)


def test_whoever_loses_the_claim_stops_and_changes_nothing(house: House, reporting: None) -> None:
    hevc(house)
    take = Take.objects.get()
    renditions.ask(take=take, camera="overhead", at=NOW)
    row = Rendition.objects.get()

    def clock() -> datetime:
        # Called first before the claim, then with each report: by then the take is gone.
        if Rendition.objects.get().state == "converting":
            Rendition.objects.update(claim="another")
        return timezone.now()

    assert renditions.convert(rendition=row.id, clock=clock) is None
    row.refresh_from_db()
    assert (row.state, row.claim, row.sha256) == ("converting", "another", "")
    assert not any("/renditions/" in key for key in keys(house))


def copies(house: House) -> set[str]:
    return {key for key in keys(house) if "/renditions/" in key}


def test_a_worker_that_dies_before_the_copy_is_settled_leaves_nothing_in_the_way(house: House) -> None:
    hevc(house)
    take = Take.objects.get()
    row, left = make(take), copies(house)
    # As it is once both objects are stored and the row is not settled.
    Rendition.objects.update(
        state="converting", claim="dead", lease_until=NOW, original_sha256="", sha256="", statement_digest=""
    )
    assert renditions.convert(rendition=row.id, clock=timezone.now) is None
    assert Rendition.objects.get().state == "ready"
    # The same bytes, stated anew; what the first run stated is gone.
    assert (len(copies(house)), len(copies(house) & left)) == (2, 1)
    assert pictures(served(renditions.film(take, "overhead")))


def test_whoever_comes_too_late_leaves_the_copy_that_another_made(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No report comes in between, however slow the machine is.
    monkeypatch.setattr(converting, "_REPORT_EVERY", 3600.0)
    hevc(house)
    take = Take.objects.get()
    renditions.ask(take=take, camera="overhead", at=NOW)
    row, called = Rendition.objects.get(), list[datetime]()

    def clock() -> datetime:
        called.append(timezone.now())
        if len(called) == 2:
            # The copy is made and not stored yet; the lease runs out, and another makes it.
            Rendition.objects.update(lease_until=NOW)
            renditions.convert(rendition=row.id, clock=timezone.now)
        return called[-1]

    assert renditions.convert(rendition=row.id, clock=clock) is None
    row.refresh_from_db()
    assert (row.state, row.attempts, len(called), len(copies(house))) == ("ready", 2, 2, 2)
    assert pictures(served(renditions.film(take, "overhead")))
    assert renditions.statement(row).digest == row.statement_digest


def test_a_killed_converter_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    hevc(house)
    take = Take.objects.get()
    renditions.ask(take=take, camera="overhead", at=NOW)
    row = Rendition.objects.get()
    killer = threading.Thread(target=_kill_a_converter)
    killer.start()
    again = renditions.convert(rendition=row.id, clock=timezone.now)
    killer.join()
    row.refresh_from_db()
    assert (row.state, row.attempts, again is not None) == ("waiting", 1, True)
    assert renditions.convert(rendition=row.id, clock=timezone.now) is None
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("ready", 2)


def _kill_a_converter() -> None:
    """Kill the first child of this process that is a converter."""
    while True:
        for child in psutil.Process().children():
            if any("packwitness.converter" in word for word in child.cmdline()):
                os.kill(child.pid, signal.SIGKILL)
                return
        time.sleep(0.005)


def test_what_is_no_film_fails_and_is_not_tried_on_each_visit(house: House) -> None:
    garbage = tuple(
        type(part)(
            part.init, part.data[:60] + bytes(len(part.data) - 60), part.start, part.duration, part.key
        )
        for part in film(2, codec="hevc")
    )
    Filming(house, cameras={"overhead": garbage}, codec=HEVC).whole()
    take = Take.objects.get()
    row = make(take)
    assert (row.state, row.attempts) == ("failed", 1)
    assert row.reason in ("no_picture", "not_video")
    assert renditions.ask(take=take, camera="overhead", at=timezone.now()) == Offer("failed")
    tomorrow = timezone.now() + timedelta(days=2)
    assert renditions.ask(take=take, camera="overhead", at=tomorrow) == Offer("waiting")


def test_only_what_was_sealed_is_converted(house: House) -> None:
    hevc(house)
    run_tasks()
    take = Take.objects.get()
    store = vault()
    assert isinstance(store, FilesystemVault)
    path = store._root / stored.film_key(take, "overhead")
    data = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(data[:-10] + bytes(10))
    row = make(take)
    assert (row.state, row.reason) == ("failed", "original_changed")


def test_the_copy_goes_where_its_original_goes(house: House) -> None:
    hevc(house)
    take = Take.objects.get()
    make(take)
    assert any("/renditions/" in key for key in keys(house))
    Take.objects.update(state="deleted")
    with pytest.raises(stored.NoFilm):
        renditions.film(Take.objects.get(), "overhead")
    tasks.sweep.call()
    assert (Rendition.objects.count(), [key for key in keys(house) if "/renditions/" in key]) == (0, [])


def test_bytes_that_no_row_names_are_swept(house: House) -> None:
    filming = hevc(house)
    make(Take.objects.get())
    kept = set(keys(house))
    gone = f"{house.organisation.id}/renditions/{filming.take}/label/left.mp4"
    vault().put(gone, b"left", sha256=hashlib.sha256(b"left").digest())
    tasks.sweep.call()
    assert set(keys(house)) == kept
    Rendition.objects.all().delete()
    tasks.sweep.call()
    assert copies(house) == set()
    assert set(keys(house)) < kept


def test_a_take_that_is_deleted_while_it_is_converted_leaves_no_copy(house: House) -> None:
    hevc(house)
    take = Take.objects.get()
    renditions.ask(take=take, camera="overhead", at=NOW)
    row = Rendition.objects.get()

    def clock() -> datetime:
        if Rendition.objects.get().state == "converting":
            Take.objects.update(state="deleted")
        return timezone.now()

    renditions.convert(rendition=row.id, clock=clock)
    assert [key for key in keys(house) if "/renditions/" in key] == []
    assert Rendition.objects.get().state != "ready"


@override_settings(CONVERSIONS=0)
def test_a_hub_that_converts_nothing_says_so(house: House) -> None:
    hevc(house)
    take = Take.objects.get()
    assert renditions.ask(take=take, camera="overhead", at=NOW) == Offer("off")
    assert not Rendition.objects.exists()


def test_what_runs_is_taken_up_when_its_worker_is_gone(house: House) -> None:
    hevc(house)
    renditions.ask(take=Take.objects.get(), camera="overhead", at=NOW)
    row = Rendition.objects.get()
    assert renditions.abandoned(at=NOW) == []
    assert renditions.abandoned(at=NOW + timedelta(seconds=1)) == [row.id]
    Rendition.objects.update(state="converting", claim="x", lease_until=NOW)
    assert renditions.abandoned(at=NOW) == []
    assert renditions.abandoned(at=NOW + timedelta(seconds=1)) == [row.id]
