"""The drawn bench: what its two cameras show, and how its clips are kept."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import zxingcpp

from packwitness.station.cameras.scene import (
    CYCLE_SECONDS,
    FPS,
    FRAMES,
    PARCELS,
    ClipStore,
    Scene,
    SceneBroken,
    ScenePacket,
    SceneParcel,
    View,
    render_cycle,
)
from packwitness.station.cameras.scene.clips import drawing_edition
from packwitness.station.cameras.scene.lens import HEIGHT, LENSES, WIDTH
from packwitness.station.cameras.scene.story import PAD, Story
from packwitness.station.cameras.scene.timing import LABEL_STILL

# The drawn cycle is made once for all tests of this file.
pytestmark = pytest.mark.xdist_group("scene-drawing")

Pixels = npt.NDArray[np.uint8]
VIEWS: tuple[View, ...] = ("overhead", "label")
BIT_RATE = 1_500_000


def plain(index: int, view: View) -> Iterator[Pixels]:
    """A cycle that costs nothing to draw: grey, and another grey for every parcel."""
    picture = np.full((HEIGHT, WIDTH, 3), 40 + 10 * index, np.uint8)
    for _ in range(FRAMES):
        yield picture


def brief(index: int, view: View) -> Iterator[Pixels]:
    """A second of `plain`: enough where nobody plays the clip."""
    return islice(plain(index, view), FPS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first parcel's clips are drawn, as the demo draws them."""
    return tmp_path_factory.mktemp("scene")


@pytest.fixture(scope="module")
def scenes(folder: Path) -> Iterator[dict[View, Scene]]:
    made = {view: Scene(folder, view) for view in VIEWS}
    yield made
    for scene in made.values():
        scene.close()


@pytest.fixture(scope="module")
def lumas(scenes: dict[View, Scene]) -> dict[View, list[Pixels]]:
    """The brightness of every decoded picture of the first parcel's cycle."""
    return {view: decoded(scene, scene.packets(0)) for view, scene in scenes.items()}


def decoded(scene: Scene, packets: tuple[ScenePacket, ...]) -> list[Pixels]:
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = scene.info().extradata
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.data))]
    frames += decoder.decode(None)
    return [np.asarray(frame.to_ndarray(format="gray"), np.uint8) for frame in frames]


def read(luma: Pixels) -> list[str]:
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.Code128)
    return [found.text for found in zxingcpp.read_barcodes(luma, formats=formats)]


def moments(start: float, end: float) -> range:
    """The frames from `start` up to, not including, `end` seconds."""
    return range(round(np.ceil(start * FPS)), round(np.ceil(end * FPS)))


def label_field(luma: Pixels, view: View) -> Pixels:
    """What the view shows of the middle of the pad, where a label lies."""
    left, top = LENSES[view].pixel(PAD[0] - 90, PAD[1] - 60)
    right, bottom = LENSES[view].pixel(PAD[0] + 90, PAD[1] + 60)
    return luma[int(top) : int(bottom), int(left) : int(right)]


def test_twelve_parcels_of_invented_buyers() -> None:
    assert len({parcel.tracking_number for parcel in PARCELS}) == 12
    assert len({parcel.order_number for parcel in PARCELS}) == 12
    assert {parcel.buyer_email.partition("@")[2] for parcel in PARCELS} == {"example.com"}
    assert {parcel.buyer_phone[:9] for parcel in PARCELS} == {"010-0000-"}
    assert {len(parcel.pieces()) for parcel in PARCELS} == {2, 3}


def test_tracking_numbers_obey_their_couriers() -> None:
    for parcel in PARCELS:
        number = parcel.tracking_number
        match parcel.courier:
            case "kr.cjlogistics":
                assert (len(number), int(number[2:11]) % 7) == (12, int(number[11]))
            case "kr.lotte":
                assert (len(number), int(number[:11]) % 7) == (12, int(number[11]))
            case "kr.epost":
                assert len(number) == 13
            case "kr.hanjin":
                assert len(number) == 12
            case other:
                pytest.fail(f"unknown courier {other}")


@pytest.mark.parametrize("parcel", PARCELS, ids=lambda parcel: parcel.tracking_number)
def test_every_story_leaves_the_bench_empty_between_parcels(parcel: SceneParcel) -> None:
    story = Story(parcel)
    labelled = [number for number in range(FRAMES) if story.at(number / FPS).label is not None]

    assert labelled[0] / FPS > 1.0
    assert labelled[-1] / FPS < CYCLE_SECONDS - 2.5
    assert labelled == list(range(labelled[0], labelled[-1] + 1))
    first, last = story.at(0), story.at((FRAMES - 1) / FPS)
    for moment in (first, last):
        assert (moment.carton, moment.tote, moment.pieces, moment.left, moment.right) == (
            None,
            None,
            (),
            None,
            None,
        )


def test_render_cycle_gives_pictures_to_keep() -> None:
    cycle = render_cycle(PARCELS[0], "label")
    first, second = next(cycle), next(cycle)

    assert (first.shape, str(first.dtype)) == ((HEIGHT, WIDTH, 3), "uint8")
    assert not np.shares_memory(first, second)


def test_both_views_are_in_step(scenes: dict[View, Scene]) -> None:
    times = {view: [packet.pts_seconds for packet in scene.packets(0)] for view, scene in scenes.items()}

    assert times["overhead"] == times["label"] == [number / FPS for number in range(FRAMES)]
    for scene in scenes.values():
        keys = [number for number, packet in enumerate(scene.packets(0)) if packet.key]
        assert keys == list(range(0, FRAMES, FPS))


def test_the_label_is_read_from_the_encoded_close_view(lumas: dict[View, list[Pixels]]) -> None:
    still = moments(*LABEL_STILL)
    right = [number for number in still if read(lumas["label"][number]) == [PARCELS[0].tracking_number]]

    assert len(right) >= 0.95 * len(still)


def test_the_label_lies_in_the_overhead_view_too(lumas: dict[View, list[Pixels]]) -> None:
    empty, lying = (label_field(lumas["overhead"][round(t * FPS)], "overhead") for t in (0.5, 5.0))

    assert lying.mean() > empty.mean() + 60


@pytest.mark.parametrize("view", VIEWS)
def test_no_label_is_seen_at_either_end_of_a_cycle(lumas: dict[View, list[Pixels]], view: View) -> None:
    empty = label_field(lumas[view][0], view).astype(np.int16)
    for number in (*moments(0, 1.0), *moments(CYCLE_SECONDS - 2.5, CYCLE_SECONDS)):
        luma = lumas[view][number]
        assert read(luma) == []
        assert np.abs(label_field(luma, view).astype(np.int16) - empty).mean() < 3


@pytest.mark.parametrize("view", VIEWS)
def test_a_clip_is_small(scenes: dict[View, Scene], view: View) -> None:
    bits = 8 * sum(len(packet.data) for packet in scenes[view].packets(0))

    assert bits / CYCLE_SECONDS < BIT_RATE


def test_all_clips_share_one_description(scenes: dict[View, Scene], folder: Path, tmp_path: Path) -> None:
    for scene in scenes.values():
        scene.packets(0)
    clips = [
        *folder.glob("*.mp4"),
        *(ClipStore(tmp_path, draw=brief).clip(index, "label") for index in (1, 2)),
    ]
    told = set()
    for clip in clips:
        with av.open(clip) as container:
            told.add(container.streams.video[0].codec_context.extradata)

    assert len(clips) == 4
    assert told == {scene.info().extradata for scene in scenes.values()}


def test_a_clip_of_other_settings_is_drawn_again(tmp_path: Path) -> None:
    store = ClipStore(tmp_path, draw=plain)
    path = store.clip(0, "label")
    whole = path.read_bytes()
    with av.open(path, "w") as container:
        options = {"preset": "ultrafast", "x264-params": f"keyint={FPS}:min-keyint={FPS}:scenecut=0"}
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame(320, 180, "yuv420p")))
        container.mux(stream.encode(None))
    scene = Scene(tmp_path, "label", store=store)

    assert len(scene.packets(0)) == FRAMES
    assert path.read_bytes() == whole
    scene.close()


def test_a_clip_is_drawn_once(tmp_path: Path) -> None:
    drawn: list[tuple[int, View]] = []

    def draw(index: int, view: View) -> Iterator[Pixels]:
        drawn.append((index, view))
        return brief(index, view)

    first = ClipStore(tmp_path, draw=draw).clip(3, "label")
    again = ClipStore(tmp_path, draw=draw)

    assert again.ready(3, "label")
    assert again.clip(3 + len(PARCELS), "label") == first
    assert drawn == [(3, "label")]


def test_a_changed_drawing_is_drawn_again(tmp_path: Path) -> None:
    old = ClipStore(tmp_path, draw=brief, edition="old").clip(0, "label")
    new = ClipStore(tmp_path, draw=brief)

    assert not new.ready(0, "label")
    assert drawing_edition() in new.clip(0, "label").name
    assert old.exists()


def test_a_drawing_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def draw(index: int, view: View) -> Iterator[Pixels]:
        yield np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        raise ZeroDivisionError

    store = ClipStore(tmp_path, draw=draw)
    with pytest.raises(ZeroDivisionError):
        store.clip(0, "label")

    assert not store.ready(0, "label")
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_clip_is_drawn_again(tmp_path: Path) -> None:
    store = ClipStore(tmp_path, draw=plain)
    path = store.clip(0, "label")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    scene = Scene(tmp_path, "label", store=store)

    assert len(scene.packets(0)) == FRAMES
    assert path.read_bytes() == whole
    scene.close()


def test_a_clip_that_stays_too_short_is_refused(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "label", store=ClipStore(tmp_path, draw=brief))

    with pytest.raises(SceneBroken, match="holds 15 pictures"):
        scene.packets(0)
    scene.close()


def test_two_processes_may_want_the_same_clip(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from packwitness.station.cameras.scene import ClipStore, FPS\n"
        "grey = np.full((720, 1280, 3), 90, np.uint8)\n"
        "store = ClipStore(Path(sys.argv[1]), draw=lambda index, view: iter([grey] * FPS))\n"
        "print(len(store.clip(0, 'label').read_bytes()))"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    sizes = [int(run.communicate(timeout=60)[0]) for run in runs]

    (clip,) = tmp_path.iterdir()
    assert sizes == [clip.stat().st_size] * 2


def test_a_clip_is_drawn_ahead(tmp_path: Path) -> None:
    store = ClipStore(tmp_path, draw=brief)
    scene = Scene(tmp_path, "overhead", store=store)
    scene.prefetch(5)
    scene.close()

    assert store.ready(5, "overhead")


def test_views_of_one_epoch_show_the_same_parcel(tmp_path: Path) -> None:
    made = [Scene(tmp_path, view, epoch=1000.0) for view in VIEWS]

    assert [scene.cycle_at(1000.0 + 12 * CYCLE_SECONDS + 3.5) for scene in made] == [(12, 3.5)] * 2
    assert {scene.parcel(12) for scene in made} == {PARCELS[0]}
    for scene in made:
        scene.close()
