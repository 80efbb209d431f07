"""What cameras give less of than they should: on the screen, and in every film in which it was so."""

import time
from pathlib import Path
from typing import Any

import pytest

from packwitness.hub.desk.words import WARNINGS as DESK_WARNINGS
from packwitness.station.app.quality import REASONS
from packwitness.station.app.recorders import grouped
from packwitness.station.config import read_settings, render
from packwitness.station.kiosk.messages import WARNINGS
from packwitness.station.recorder import messages as recorder
from packwitness.station.workflow.events import Source
from tests.station.app.test_bench import CODE, Place, cameras_up, manifest_of, place
from tests.station.spool.audit import audit
from tests.station.test_config import BENCH, HUB

pytestmark = pytest.mark.anyio
__all__ = ["place"]
FACTS = recorder.StreamFacts("avc1.42c01f", 1280, 720, encoded_from="mjpeg")


def shown(place: Place) -> list[tuple[str, dict[str, str]]]:
    return [(warning.code, dict(warning.values)) for warning in place.bench.view().warnings]


async def film(place: Place, *reports: Any) -> list[tuple[str, dict[str, Any]]]:
    """Film a parcel while these reports come; return what its manifest says of it."""
    take = (await place.bench.scan(CODE, Source.SCANNER)).take
    assert take is not None
    for report in reports:
        if isinstance(report, recorder.SoundSilent):
            await place.takes.sound_silent(report)
        else:
            await place.bench.quality_heard(report)
    await place.bench.scan(CODE, Source.SCANNER)
    await place.sealed(take)
    events = manifest_of(place, take).events
    return [(event.kind, event.data) for event in events if event.kind in ("warning", "note")]


def missing(camera: str) -> recorder.SoundMissing:
    return recorder.SoundMissing(camera, "The camera sends no sound.", "Switch it on.", 0)


NO_SOUND = ("warning", {"warning": "no_sound", "camera": "label"})
SOUND_BACK = ("note", {"note": "sound_back", "camera": "label"})


async def test_missing_sound_is_shown_and_stated_until_it_is_back(place: Place) -> None:
    await cameras_up(place)
    assert await film(place, missing("label"), missing("label")) == [NO_SOUND]
    assert shown(place) == [("no_sound", {"camera": "Label"})]
    # A film that begins while it is missing says so from its beginning; when it is back, that too.
    assert await film(place, recorder.SoundBack("label", 0)) == [NO_SOUND, SOUND_BACK]
    assert shown(place) == []
    assert await film(place, recorder.SoundBack("label", 0)) == []
    audit(place.spool)


async def test_a_camera_that_is_gone_is_not_told_mute_until_it_is_back(place: Place) -> None:
    await cameras_up(place)
    await place.bench.quality_heard(missing("label"))
    await place.bench.camera_down("label", "refused")
    assert [code for code, _ in shown(place)] == ["camera_refused"]
    await place.bench.camera_up("label")
    assert [code for code, _ in shown(place)] == ["no_sound"]
    # Another recorder process knows nothing of it; it would tell anew.
    place.bench.quality.recorder_gone("label")
    assert shown(place) == []


async def test_each_reason_has_a_sentence_of_its_own(place: Place) -> None:
    await cameras_up(place)
    said = set()
    for code in [*REASONS, "broken", ""]:
        await place.bench.camera_down("label", code)
        ((told, _),) = shown(place)
        said.add((told, WARNINGS[told]))
        assert told in DESK_WARNINGS
        await place.bench.camera_up("label")
    assert len({words for _, words in said}) == len(REASONS) + 1
    assert "camera_lost" in dict(said)


async def test_few_pictures_are_shown_and_stated_until_there_are_enough(place: Place) -> None:
    await cameras_up(place)
    few = recorder.FewPictures("overhead", 10, 30, 0)
    stated = ("warning", {"warning": "few_pictures", "camera": "overhead", "given": 10, "promised": 30})
    assert await film(place, few) == [stated]
    assert shown(place) == [("few_pictures", {"camera": "Overhead", "given": "10", "promised": "30"})]
    status = place.bench.report(journal_head=1, pending_parts=0)
    assert status.warnings == ["few_pictures:Overhead:10:30"]
    enough = recorder.EnoughPictures("overhead", 0)
    assert await film(place, enough) == [stated, ("note", {"note": "enough_pictures", "camera": "overhead"})]
    assert shown(place) == []
    await place.bench.quality_heard(few)
    await place.bench.camera_down("overhead", "stalled")
    assert [code for code, _ in shown(place)] == ["camera_stalled"], "nobody can say how many it gives now"
    await place.bench.camera_up("overhead")
    assert await film(place) == []
    audit(place.spool)


async def test_silence_in_the_place_of_sound_is_stated_though_the_parcel_is_done(place: Place) -> None:
    await cameras_up(place)
    take = (await place.bench.scan(CODE, Source.SCANNER)).take
    assert take is not None
    closed: list[recorder.Report] = []
    place.recorder.heard = closed.append  # the film is closed after what it lacks was told
    await place.bench.scan(CODE, Source.SCANNER)
    ended_ns = time.monotonic_ns()
    await place.takes.sound_silent(recorder.SoundSilent(take, "label", 1_250, ended_ns))
    place.takes.heard(recorder.TakeClosed(take))
    await place.sealed(take)
    (event,) = [event for event in manifest_of(place, take).events if event.kind == "note"]
    assert event.data == {"note": "sound_silent", "camera": "label", "duration_ms": 1_250}
    await place.takes.sound_silent(recorder.SoundSilent(take, "label", 1, ended_ns))  # too late, and harmless
    audit(place.spool)


async def test_a_film_says_that_its_pictures_were_encoded_here(place: Place) -> None:
    await cameras_up(place)
    up = recorder.CameraUp("label", FACTS, 0)
    stated = ("note", {"note": "picture_encoded", "camera": "label", "from": "mjpeg"})
    assert await film(place, up, up) == [stated]
    assert await film(place) == [stated]
    plain = recorder.CameraUp("label", recorder.StreamFacts("avc1.42c01f", 1280, 720), 0)
    assert await film(place, plain) == [stated]
    assert await film(place) == []


async def test_sound_that_is_asked_for_is_asked_of_the_camera(tmp_path: Path) -> None:
    urls = {
        "rtsp://h/1?x=1": "rtsp://h/1?x=1#sound=1",
        "rtsps://h/2#transport=tcp": "rtsps://h/2#transport=tcp&sound=1",
        "http://h/3": "http://h/3#sound=1",
        "usb:/dev/video0?rate=30": "usb:/dev/video0?rate=30&sound=1",
    }
    rows = [f'[[cameras]]\nid = "c{n}"\nurl = "{url}"\naudio = true' for n, url in enumerate(urls)]
    silent = '[[cameras]]\nid = "silent"\nurl = "rtsp://h/5"'
    file = tmp_path / "station.toml"
    file.write_text("\n".join([render(HUB, [BENCH]), *rows, silent]))
    settings = read_settings(file)
    specs = grouped([settings.cameras_of(bench.id) for bench in settings.benches], limit=8)[0]
    assert [spec.url for spec in specs] == [*urls.values(), "rtsp://h/5"]
