"""Which camera a URL names."""

from pathlib import Path

import pytest

from packwitness.station.cameras.camera import BadAddress
from packwitness.station.cameras.file import FileCamera
from packwitness.station.cameras.kinds import KINDS, URL_LIMIT, open_camera
from packwitness.station.cameras.rtsp import RtspCamera
from packwitness.station.cameras.scene_camera import SceneCamera


def test_kinds_by_url(tmp_path: Path) -> None:
    assert isinstance(open_camera("rtsp://user:secret@10.0.0.4:8554/live"), RtspCamera)
    assert isinstance(open_camera("RTSPS://10.0.0.4/live"), RtspCamera)
    camera = open_camera(f"file:{tmp_path}/a%20film.mp4?loop=1&realtime=0")
    assert isinstance(camera, FileCamera)
    assert vars(camera)["_path"] == tmp_path / "a film.mp4"
    assert (vars(camera)["_loop"], vars(camera)["_realtime"]) == (True, False)
    scene = open_camera(f"scene:label?folder={tmp_path}&epoch=12.5")
    assert isinstance(scene, SceneCamera)
    assert (vars(scene)["_folder"], vars(scene)["_epoch"]) == (tmp_path, 12.5)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/dev/video0",
        "http://camera/live",
        "file:",
        "file:/film.mp4?lopp=1",
        "file:/film.mp4?loop=yes",
        "rtsp:",
        "scene:overhead",
        "scene:underneath?folder=/tmp",
        "scene:label?folder=/tmp&epoch=soon",
        "scene:label?folder=/tmp&epoch=nan",
        "rtsp://camera/" + "x" * URL_LIMIT,
    ],
)
def test_bad_addresses_say_what_to_write_and_quote_nothing(url: str) -> None:
    with pytest.raises(BadAddress) as caught:
        open_camera(url)
    assert not caught.value.retry
    assert "Write rtsp://" in str(caught.value)


def test_every_kind_is_named_in_the_advice() -> None:
    for kind in set(KINDS) - {"rtsps"}:
        assert f"{kind}:" in BadAddress.advice
