"""What a converter that a film has taken over may answer: no more than its film has."""

import io
import subprocess
import tempfile
from pathlib import Path

import pytest

from packwitness.converter import contract
from packwitness.converter.contract import Done, Settings
from packwitness.hub.recordings.converting import ConversionFailed, Copy, _Run, size_limit
from packwitness.hub.recordings.layout import Layout
from packwitness.hub.recordings.names import InitName, PartName
from packwitness.hub.recordings.playback import FilmSource

PARTS = tuple(PartName(number, 0, number * 90_000, 90_000, True, 100, "b" * 64) for number in range(2))
LAYOUT = Layout(90_000, 0, (InitName(0, 50, "a" * 64),), PARTS)
SETTINGS = Settings(bits_per_second=8_000)
INIT, PART, LARGE = (contract.INIT, b"init"), (contract.PART, b"part"), (contract.PART, bytes(60_000))
DONE = {"codec": "avc1.640028", "width": 96, "height": 64, "encoder": "x", "pictures": 9, "unreadable": 0}


def answered(folder: Path, *said: tuple[bytes, bytes], **done: object) -> Copy:
    """What the hub makes of a process that says this; its film is never read."""
    out = io.BytesIO()
    for kind, body in said:
        contract.write(out, kind, body)
    told = Done.model_construct(**{**DONE, **done})  # type: ignore[arg-type]  # as no converter of ours says it
    contract.write(out, contract.DONE, told.model_dump_json(warnings=False).encode())
    (folder / "said").write_bytes(out.getvalue())
    run = _Run(FilmSource("video/mp4", "", (), ""), LAYOUT, SETTINGS, 60, lambda done: True)
    with (
        subprocess.Popen(["cat", folder / "said"], stdout=subprocess.PIPE) as process,
        tempfile.TemporaryFile(dir=folder) as file,
    ):
        try:
            return run._collect(process, file)
        finally:
            process.kill()


def test_what_was_asked_for_is_taken(tmp_path: Path) -> None:
    copy = answered(tmp_path, INIT, PART, PART)
    assert (copy.whole.size, len(copy.parts), copy.done.pictures) == (12, 2, 9)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ((INIT, PART, PART, PART), "too_much"),
        ((INIT, INIT, PART, PART), "too_much"),
        ((INIT, LARGE, PART), "too_much"),
        ((INIT, (b"X", b"?"), PART), "too_much"),
        ((INIT, PART), "converter_died"),
    ],
    ids=["parts", "inits", "bytes", "kind", "too few"],
)
def test_more_or_less_is_refused(tmp_path: Path, said: tuple[tuple[bytes, bytes], ...], reason: str) -> None:
    assert size_limit(LAYOUT, SETTINGS) == 48_250
    with pytest.raises(ConversionFailed) as failed:
        answered(tmp_path, *said)
    assert failed.value.reason == reason


@pytest.mark.parametrize(
    "done", [{"codec": "a" * 41}, {"encoder": "x" * 201}, {"width": 1 << 40}, {"pictures": -1}]
)
def test_words_that_no_row_can_hold_are_refused(tmp_path: Path, done: dict[str, object]) -> None:
    with pytest.raises(ConversionFailed) as failed:
        answered(tmp_path, INIT, PART, PART, **done)
    assert failed.value.reason == "converter_died"
