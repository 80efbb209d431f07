import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from packwitness.station.config import (
    BenchSettings,
    CameraSettings,
    DiskSettings,
    HubSettings,
    KioskSettings,
    Settings,
    SettingsError,
    UploadSettings,
    cameras_from_words,
    read_settings,
    render,
    with_options,
)

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "station.md"
HUB = HubSettings(
    url="https://hub.example.com",
    organisation="org1",
    organisation_name='The "Shop" \\ 가게',
    station="station1",
    station_name="Packing\nroom",
    key="ed25519:" + "0" * 64,
)
BENCH = BenchSettings(id="bench1", name="Bench 1")


def written(path: Path, more: str = "", benches: tuple[BenchSettings, ...] = (BENCH,)) -> Path:
    """Keys that `more` begins with are top-level ones, so it goes first."""
    path.write_text(more + "\n" + render(HUB, benches))
    return path


def test_what_enrol_writes_reads_back_with_every_default(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path / "station.toml"))

    assert settings == Settings(hub=HUB, benches=[BENCH])
    assert (settings.logic, settings.pre_roll_s, settings.kiosk.port) == ("laid-lifted", 3, 8750)


def test_what_stands_in_comments_is_true_when_uncommented() -> None:
    text = re.sub(r"^# (?=[a-z_]+ = |\[)", "", render(HUB, [BENCH]), flags=re.MULTILINE)

    settings = Settings.model_validate(tomllib.loads(text))

    assert [camera.id for camera in settings.cameras] == ["overhead", "label"]
    defaults = Settings(hub=HUB, benches=[BENCH])
    assert settings.disk == defaults.disk
    assert settings.model_copy(update={"cameras": [], "kiosk": defaults.kiosk}) == defaults


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("preroll_s = 3", "'preroll_s' is no setting of a station"),
        ("pre_roll_s = 61", "pre_roll_s: Input should be less than or equal to 60"),
        ("kiosk = {prot = 1}", "'kiosk.prot' is no setting of a station"),
        ("disk = {low_mb = 1, full_mb = 2}", "disk: Value error, full_mb must not be greater than low_mb"),
        (
            'cameras = [{id = "a", url = "rtsp://a", bench = "x"}]',
            "camera a names bench x; there are: bench1",
        ),
        ('cameras = [{id = "a", url = "rtsp://a"}, {id = "a", url = "rtsp://b"}]', "two of the cameras"),
        ('cameras = [{id = "a", url = "rtsp://a", region = [0.5, 0, 0.5, 1]}]', "left < right"),
        ("= 3", "Invalid"),
    ],
)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, more: str, complaint: str) -> None:
    path = written(tmp_path / "station.toml", more)

    with pytest.raises(SettingsError, match=re.escape(complaint)) as caught:
        read_settings(path)
    assert str(path) in str(caught.value)


def test_a_folder_without_a_station_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="packwitness station enrol HUB_URL CODE"):
        read_settings(tmp_path / "station.toml")


def test_cameras_of_several_benches_say_where_they_are(tmp_path: Path) -> None:
    benches = (BENCH, BenchSettings(id="bench2", name="Bench 2", logic="scan-next"))
    path = written(tmp_path / "station.toml", 'cameras = [{id = "a", url = "rtsp://a"}]', benches)
    with pytest.raises(SettingsError, match="camera a must say at which bench it is"):
        read_settings(path)

    path = written(path, 'cameras = [{id = "a", url = "rtsp://a", bench = "bench2"}]', benches)
    settings = read_settings(path)
    assert [settings.cameras_of(bench) for bench in ("bench1", "bench2")] == [[], settings.cameras]
    assert [settings.logic_of(bench) for bench in ("bench1", "bench2")] == ["laid-lifted", "scan-next"]


def test_cameras_on_the_command_line_have_names_of_their_own_or_by_their_place() -> None:
    words = ["rtsp://u:p@h/1?a=b", "rtsp://h/2", "Side-1=file:/x.mp4?loop=1", "scene:overhead?folder=/s"]

    assert [(camera.id, camera.url) for camera in cameras_from_words(words)] == [
        ("overhead", "rtsp://u:p@h/1?a=b"),
        ("label", "rtsp://h/2"),
        ("side-1", "file:/x.mp4?loop=1"),
        ("camera-4", "scene:overhead?folder=/s"),
    ]
    with pytest.raises(SettingsError, match=r"--camera NAME=URL"):
        cameras_from_words(["192.168.1.20"])


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path / "s", 'cameras = [{id = "a", url = "rtsp://a"}]'))
    cameras = cameras_from_words(["file:/b"])

    changed = with_options(settings, cameras=cameras, logic="scan-next", pre_roll_s=None, kiosk_port=0)

    assert (changed.cameras, changed.logic, changed.pre_roll_s, changed.kiosk.port) == (
        cameras,
        "scan-next",
        3,
        0,
    )
    assert with_options(settings, cameras=[], kiosk_port=None) == settings
    with pytest.raises(SettingsError, match=r"kiosk\.port"):
        with_options(settings, cameras=[], kiosk_port=99_999)


def test_a_station_has_many_benches_and_a_bench_as_many_cameras_as_a_take_holds() -> None:
    benches = [BenchSettings(id=f"bench{number}", name="A") for number in range(80)]

    def rows(each: int) -> list[CameraSettings]:
        return [
            CameraSettings(id=f"{bench.id}-{number}", url="rtsp://h", bench=bench.id)
            for bench in benches
            for number in range(each)
        ]

    assert len(Settings(hub=HUB, benches=benches, cameras=rows(2)).cameras) == 160
    one = [CameraSettings(id=f"c{number}", url="rtsp://h") for number in range(17)]
    Settings(hub=HUB, benches=[BENCH], cameras=one[:16])
    with pytest.raises(ValidationError, match="bench1 has more than 16 cameras"):
        Settings(hub=HUB, benches=[BENCH], cameras=one)


@pytest.mark.parametrize(
    ("cameras", "lookers"),
    [
        ([("overhead", None), ("label", None)], ["label"]),
        ([("left", None), ("right", None)], ["left"]),
        ([("overhead", True), ("label", None)], ["overhead"]),
        ([("overhead", True), ("label", True)], ["overhead", "label"]),
        ([("overhead", None), ("label", False)], ["overhead"]),
        ([("overhead", False)], []),
    ],
)
def test_which_camera_looks_for_labels(cameras: list[tuple[str, bool | None]], lookers: list[str]) -> None:
    rows = [CameraSettings(id=name, url="rtsp://h", look=look) for name, look in cameras]
    settings = Settings(hub=HUB, benches=[BENCH], cameras=rows)

    assert [camera.id for camera in settings.lookers_of("bench1")] == lookers


def test_every_setting_is_in_the_guide() -> None:
    text = GUIDE.read_text()

    assert [key for key in _keys(Settings) if f"`{key}`" not in text] == []


def _keys(model: type[BaseModel]) -> list[str]:
    """All keys, those of lists and sections as ``section.key``."""
    sections: dict[str, type[BaseModel]] = {
        "hub": HubSettings,
        "benches": BenchSettings,
        "cameras": CameraSettings,
        "kiosk": KioskSettings,
        "disk": DiskSettings,
        "upload": UploadSettings,
    }
    keys = []
    for name in model.model_fields:
        inner = sections.get(name)
        keys += [f"{name}.{key}" for key in _keys(inner)] if inner else [name]
    return keys
