"""Receipts and the log: gapless under rival writers, provable, signed once for each burst."""

import hashlib
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django_ox.models import OxTask
from django_ox.testing import run_tasks

from packwitness.evidence.checkpoints import LogProof, checkpoint_signed_by, read_checkpoint
from packwitness.evidence.log import Tree, leaf_of, verify_consistency
from packwitness.evidence.statements import Statement
from packwitness.hub.notary import checkpoints, log, operations, queries
from packwitness.hub.notary.models import Checkpoint, Log, LogEntry, LogNode
from tests.hub.conftest import NOW


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def give(number: int) -> Statement:
    with transaction.atomic():
        return operations.give_receipt(
            organisation_id="org1", take=f"bench-{number}", manifest_digest=digest(number), at=NOW
        )


@pytest.mark.django_db
def test_receipts_are_numbered_and_signed() -> None:
    first, second, again = give(0), give(1), give(0)
    assert [one.payload["log"]["index"] for one in (first, second, again)] == [0, 1, 0]
    assert first.payload["log"]["origin"] == "testserver/log"
    assert first.signatures[0].key == queries.hub_key_id()
    assert first.verified_by(first.signatures[0].public)
    assert LogEntry.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_given() -> None:
    with pytest.raises(log.NotInTransaction):
        operations.give_receipt(organisation_id="org1", take="b-1", manifest_digest=digest(1), at=NOW)
    assert LogEntry.objects.count() == 0


@pytest.mark.django_db
def test_stored_nodes_prove_what_a_tree_in_memory_proves() -> None:
    tree = Tree()
    for number in range(70):
        give(number)
        tree.append(leaf_of(digest(number)))
        stored = Log.objects.get()
        assert log.split(bytes(stored.frontier)) == tree.frontier
    assert LogNode.objects.count() == 2 * 70 - (70).bit_count()
    for size in (1, 2, 63, 64, 65, 70):
        small = Tree()
        for number in range(size):
            small.append(leaf_of(digest(number)))
        for index in {0, size // 2, size - 1}:
            assert log.inclusion_proof(index, size) == small.inclusion_proof(index)
        proof = [bytes.fromhex(one) for one in queries.consistency_proof(old=size, size=70)]
        assert verify_consistency(size, small.root(), 70, tree.root(), proof)
    with pytest.raises(ValueError, match="fewer"):
        queries.consistency_proof(old=1, size=71)


@pytest.mark.django_db
def test_an_append_reads_and_writes_little_however_long_the_log() -> None:
    for number in range(100):
        give(number)
    with transaction.atomic():
        the_log = log.locked()
        before = len(connection.queries_log)
        connection.force_debug_cursor = True
        try:
            log.append(the_log, manifest=digest(1000), at=NOW)
        finally:
            connection.force_debug_cursor = False
    assert len(connection.queries_log) - before <= 8


@pytest.mark.django_db
def test_one_checkpoint_for_a_burst() -> None:
    for number in range(5):
        give(number)
    assert OxTask.objects.filter(task_path=checkpoints.SIGN_TASK).count() == 1
    assert queries.log_proof(manifest_digest=digest(0)) is None
    checkpoints.sign(at=NOW)
    assert [row.size for row in Checkpoint.objects.all()] == [5]
    give(5)
    assert OxTask.objects.filter(task_path=checkpoints.SIGN_TASK).count() == 2
    checkpoints.sign(at=NOW)
    checkpoints.sign(at=NOW)
    assert [row.size for row in Checkpoint.objects.order_by("size")] == [5, 6]


@pytest.mark.django_db
def test_a_lost_signing_task_is_asked_for_again() -> None:
    give(0)
    OxTask.objects.all().delete()
    Log.objects.update(signing_since=NOW - timedelta(minutes=3))
    give(1)
    assert OxTask.objects.filter(task_path=checkpoints.SIGN_TASK).count() == 1


@pytest.mark.django_db
def test_the_task_signs_what_the_verifier_accepts() -> None:
    for number in range(3):
        give(number)
    OxTask.objects.update(run_after=None)
    run_tasks()
    receipt = give(1)
    public = receipt.signatures[0].public
    for number in range(3):
        proof = LogProof.from_payload(queries.log_proof(manifest_digest=digest(number)))
        assert proof.includes(digest(number))
        assert not proof.includes(digest(9))
        assert checkpoint_signed_by(proof.checkpoint, public)
    assert queries.time_tokens(manifest_digest=digest(0)) == []
    assert queries.log_proof(manifest_digest=digest(77)) is None


@pytest.mark.django_db
@pytest.mark.urls("tests.hub.notary.urls")
def test_anyone_may_read_the_log() -> None:
    client = Client()
    assert client.get("/log/checkpoint").status_code == 404
    for number in range(4):
        give(number)
    checkpoints.sign(at=NOW)
    note = client.get("/log/checkpoint").content.decode()
    assert (read_checkpoint(note).size, read_checkpoint(note).origin) == (4, "testserver/log")
    proof = client.get(f"/log/proof/{digest(2)}.json").json()
    assert LogProof.from_payload(proof).includes(digest(2))
    assert client.get(f"/log/proof/{digest(99)}.json").status_code == 404
    assert len(client.get("/log/consistency/1-4.json").json()["proof"]) == 2
    assert client.get("/log/consistency/1-5.json").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_rival_writers_leave_no_gap_and_a_rollback_no_trace() -> None:
    give(-1)
    failures: list[BaseException] = []

    def work(writer: int) -> None:
        try:
            for number in range(12):
                try:
                    with transaction.atomic():
                        operations.give_receipt(
                            organisation_id="org1",
                            take=f"bench-{writer}",
                            manifest_digest=digest(1000 * writer + number),
                            at=NOW,
                        )
                        if number % 4 == 3:
                            raise ZeroDivisionError
                except ZeroDivisionError:
                    continue
        except BaseException as error:  # the test's main thread judges it
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    entries = list(LogEntry.objects.order_by("index"))
    assert [entry.index for entry in entries] == list(range(1 + 4 * 9))
    tree = Tree()
    for entry in entries:
        tree.append(leaf_of(entry.manifest))
    stored = Log.objects.get()
    assert (stored.size, log.split(bytes(stored.frontier))) == (37, tree.frontier)
    assert log.inclusion_proof(5, 37) == tree.inclusion_proof(5)
