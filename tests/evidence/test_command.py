"""The command as a stranger runs it: real files, a real process, exit codes and words."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from packwitness.evidence.command import configure, run
from packwitness.evidence.findings import Finding, FindingCode, say_finding
from packwitness.evidence.report import report
from packwitness.evidence.verdict import IntegrityLine, KeyLine, KeyState, Note, NoteCode, TimeLine, Verdict
from tests.evidence.takes import NOW, key, make_take, write_folder

TRUST = key("organisation").public.key_id
TAKE = make_take()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "take", TAKE.files())


def verify(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    configure(parser)
    return run(parser.parse_args([str(word) for word in words]))


def test_in_a_process_of_its_own_without_hub_or_station(folder: Path) -> None:
    program = (
        "import sys; from packwitness.cli import main; code = main(sys.argv[1:]);"
        "heavy = {'django', 'av', 'numpy', 'httpx2', 'starlette', 'packwitness.protocol'} & set(sys.modules);"
        "assert not heavy, heavy; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "verify", str(folder), "--trust", TRUST],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Unchanged since it was sealed by this key" in done.stdout
    assert "The key belongs to Acme Parcels" in done.stdout
    assert "The station's word only" in done.stdout


def test_exit_codes(folder: Path, tmp_path: Path) -> None:
    certificate = tmp_path / "acme.json"
    certificate.write_bytes(TAKE.certificates[1].to_json())
    assert verify(folder) == 3
    assert verify(folder, "--trust", TRUST) == 0
    assert verify(folder, "--trust", TRUST.removeprefix("ed25519:").upper()) == 0
    assert verify(folder, "--trust", certificate) == 0
    assert verify(folder, "--trust", key("rival").public.key_id) == 1
    (folder / "films/side.mp4").write_bytes(b"x")
    assert verify(folder, "--trust", TRUST) == 1


def test_a_film_and_its_manifest(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = tmp_path / "downloaded.mp4"
    (folder / "films/overhead.mp4").rename(film)
    assert verify(film, folder / "manifest.json", "--trust", TRUST) == 0
    assert "Checked byte for byte: overhead." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "there is no file or folder nothing"),
        (["take/films/side.mp4", "nothing.json"], "there is no file nothing.json"),
        (["take", "--trust", "ed25519:12"], "--trust wants a fingerprint"),
        (["take", "--trust", "take/manifest.json"], "certificate:"),
        (["take", "--trust", "station.json"], "is not an organisation's certificate"),
        (["take", "--trust", "forged.json"], "is not an organisation's certificate"),
        (["take", "--tsa-roots", "take/manifest.json"], "no readable PEM certificates"),
        (["take", "--tsa-roots", "nothing.pem"], "nothing.pem"),
    ],
)
def test_what_cannot_be_read(
    folder: Path,
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder.parent)
    Path("station.json").write_bytes(TAKE.certificates[0].to_json())
    forged = {**TAKE.certificates[1].to_value(), "signatures": TAKE.receipt.to_value()["signatures"]}
    Path("forged.json").write_text(json.dumps(forged))
    assert verify(*words) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "films/side.mp4").write_bytes(TAKE.cameras["side"].film()[:-3])
    assert verify(folder, "--json", "--trust", TRUST) == 1
    value = json.loads(capsys.readouterr().out)
    assert value["exit_code"] == 1
    assert value["integrity"]["findings"] == [
        {
            "code": "film_truncated",
            "place": "side/parts/5",
            "words": "Camera side: the film was cut off at 0:05 (part 5).",
            "camera": "side",
            "part": 5,
            "at_ms": 5000,
        }
    ]
    assert value["key"] == {
        "state": "trusted",
        "organisation": "Acme Parcels",
        "fingerprint": TRUST,
        "reason": "",
    }
    assert value["time"]["stated"] == "2026-11-22T10:00:06.000Z"


def test_korean(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(folder, "--lang", "ko") == 3
    assert "이 키로 봉인된 뒤 바뀌지 않았습니다" in capsys.readouterr().out


def verdict(
    state: KeyState = "trusted", findings: tuple[Finding, ...] = (), notes: tuple[Note, ...] = ()
) -> Verdict:
    return Verdict(
        take="bench-1",
        manifest="0" * 64,
        integrity=IntegrityLine(TRUST, findings),
        key=KeyLine(state, "Acme\x1b[2J", TRUST, "because"),
        time=TimeLine(
            trusted=True, moment=NOW, authority="Clockwork", stated=NOW, offset_ms=4, uncertainty_ms=None
        ),
        disclosed=(("tracking_number", "1Z\n999"),),
        notes=notes,
    )


@pytest.mark.parametrize("language", ["en", "ko", "xx"])
def test_everything_has_words_in_each_language(language: str) -> None:
    findings = tuple(
        Finding(code, "overhead", init=1, part=2, count=count, other=3, at_ms=3_723_000)
        for code in get_args(FindingCode)
        for count in (1, 4)
    )
    notes = tuple(Note(code, "overhead", "detail") for code in get_args(NoteCode))
    for state in get_args(KeyState):
        assert report(verdict(state, findings[:10], notes), language)
        assert "\x1b" not in report(verdict(state), language)
    words = [say_finding(finding, language) for finding in findings]
    assert not any("{" in text or "None" in text for text in words)
    assert any("1:02:03" in text for text in words)


def test_a_long_list_is_cut() -> None:
    findings = tuple(Finding("part_changed", "overhead", part=number) for number in range(100))
    assert "… and 70 more" in report(verdict(findings=findings), "en")
