"""What an operator does from the command line, as it answers: in this process, on the test's database."""

import argparse
import io
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
from pytest_django import Settings

from packwitness.hub import command
from packwitness.hub.config import administration, condition
from packwitness.hub.stations import operations as stations
from packwitness.hub.tenants.models import Organisation
from packwitness.hub.vault.address import S3Address
from packwitness.hub.vault.s3 import S3Vault
from packwitness.protocol import EnrolRequest
from tests.hub.conftest import PASSWORD

SETUP = [
    "setup",
    "--organisation",
    "Mugs & Teas",
    "--email",
    "me@example.com",
    "--language",
    "ko",
    "--password-stdin",
]


@pytest.fixture(autouse=True)
def keys(settings: Settings, tmp_path: Path) -> None:
    """Keys of this test's own."""
    settings.KEYS_DIR = tmp_path


def call(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return command.run(parser.parse_args(words))


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password waits on standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))


@pytest.mark.django_db
def test_setting_up_once_and_again(password: None, capsys: pytest.CaptureFixture[str]) -> None:
    first = call(*SETUP)
    made = capsys.readouterr().out
    second = call(*SETUP)
    found = capsys.readouterr().out

    organisation = Organisation.objects.get()
    assert (first, second) == (0, 0)
    assert (organisation.name, organisation.language) == ("Mugs & Teas", "ko")
    assert "“Mugs & Teas” is made" in made
    assert "“Mugs & Teas” exists" in found
    assert "nothing was changed" in found
    assert made.count("ed25519:") == found.count("ed25519:") == 1
    assert made.split("ed25519:")[1][:64] == found.split("ed25519:")[1][:64]


@pytest.mark.django_db
def test_a_weak_password_makes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))

    assert call(*SETUP) == 1
    assert "10 characters" in capsys.readouterr().err
    assert Organisation.objects.count() == 0


@pytest.mark.django_db
def test_without_a_terminal_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert call(*[word for word in SETUP if word != "--password-stdin"]) == 1
    assert "--password-stdin" in capsys.readouterr().err
    assert Organisation.objects.count() == 0


@pytest.mark.django_db
def test_codes_and_keys(password: None, capsys: pytest.CaptureFixture[str]) -> None:
    call(*SETUP)
    capsys.readouterr()

    assert call("enrolment-code", "--station", "PC 1", "--bench", "Bench 1", "--bench", "Bench 2") == 0
    code = capsys.readouterr().out.strip()
    assert call("api-key", "--name", "Shop") == 0
    key = capsys.readouterr().out.strip()

    request = EnrolRequest(code=code, public_key="A" * 43, host_name="", software="")
    made = stations.enrol(request=request, at=datetime.now(tz=UTC) + timedelta(minutes=59))
    assert [bench.name for bench in made.benches] == ["Bench 1", "Bench 2"]
    assert key.startswith("pw_")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["api-key", "--name", "Shop"], "packwitness hub setup"),
        (["enrolment-code", "--station", "PC", "--bench", "B"], "packwitness hub setup"),
    ],
)
def test_before_setting_up(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*words) == 1
    assert says in capsys.readouterr().err


@pytest.mark.django_db
def test_which_organisation_is_asked_where_there_are_two(now: datetime) -> None:
    for name in ("One", "Two"):
        administration.set_up(
            organisation=name,
            email="me@example.com",
            password=PASSWORD,
            site="Main",
            language="en",
            time_zone="UTC",
            at=now,
        )
    two = Organisation.objects.get(name="Two")

    assert administration.scope_of("Two", "x").organisation_id == two.id
    assert administration.scope_of(two.id, "x").organisation_id == two.id
    for wanted, says in (("", "Say which organisation"), ("Three", "no organisation “Three”")):
        with pytest.raises(administration.Refused, match=says):
            administration.scope_of(wanted, "x")


@pytest.mark.django_db
def test_checking(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "leaked.pem").touch(mode=0o644)

    found = list(condition.examine({"PACKWITNESS_TASK_THREDS": "2"}))

    assert [finding.words for finding in found if finding.state == "error"] == [
        f"Others can read {tmp_path / 'leaked.pem'}."
    ]
    assert any("PACKWITNESS_TASK_THREDS is no setting" in finding.words for finding in found)
    assert any("no organisation yet" in finding.words for finding in found)
    assert all(finding.advice for finding in found if finding.state != "ok")


class TakesAnything(BaseHTTPRequestHandler):
    """A store that honours If-None-Match and compares no digest."""

    taken: ClassVar[set[str]] = set()

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        name = urlsplit(self.path).path
        self.answer(412 if name in self.taken else 200)
        self.taken.add(name)

    def do_DELETE(self) -> None:
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_store_that_takes_other_bytes_by_a_ticket_is_told_from_one_that_takes_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anybody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    with ThreadingHTTPServer(("127.0.0.1", 0), TakesAnything) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            endpoint = f"http://127.0.0.1:{server.server_port}"
            store = S3Vault(S3Address("films", endpoint=endpoint, region="us-east-1"))
            found = condition._ticket_tried(store, "check/1")
        finally:
            server.shutdown()
            thread.join()

    assert (found.state, found.advice) == ("error", "Set PACKWITNESS_DIRECT_UPLOAD=no.")
    assert "does not compare digests" in found.words
