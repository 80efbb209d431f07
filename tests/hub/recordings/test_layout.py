"""Windows, films and playlists, over parts that were never encoded."""

from datetime import UTC, datetime

import pytest

from packwitness.hub.recordings import boxes, hls, names
from packwitness.hub.recordings.layout import WHOLE, Layout, Window, of_names
from packwitness.hub.recordings.names import InitName, PartName
from tests.hub.recordings.filmed import film

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
DIGEST = "0" * 64


def made(keys: str, *, inits: str = "", offset_ms: int = 0) -> Layout:
    """One part a second; ``keys`` says which begin at keyframes (k), ``inits`` the init of each."""
    used = inits or "0" * len(keys)
    listed = tuple(InitName(int(k), 10, DIGEST) for k in sorted(set(used)))
    parts = (
        PartName(n, int(k), n * 1000, 1000, key == "k", 100, DIGEST)
        for n, (key, k) in enumerate(zip(keys, used, strict=True))
    )
    return Layout(1000, offset_ms, listed, tuple(parts))


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "numbers"),
    [
        (0, None, "012345"),
        (1, None, "345"),
        (2999, None, "345"),
        (3000, None, "345"),
        (3001, None, "5"),
        (5001, None, ""),
        (0, 6000, "012345"),
        (0, 5999, "01234"),
        (3000, 4000, "3"),
        (3000, 3999, ""),
        (0, 0, ""),
    ],
)
def test_a_window_holds_whole_parts_from_a_keyframe(from_ms: int, to_ms: int | None, numbers: str) -> None:
    parts = made("k--k-k").within(Window(from_ms, to_ms))
    assert "".join(str(part.number) for part in parts) == numbers


def test_a_window_counts_from_the_films_beginning_and_never_shows_a_fraction_too_much() -> None:
    layout = made("kkk", offset_ms=120)
    assert [part.number for part in layout.within(Window(120, None))] == [0, 1, 2]
    assert [part.number for part in layout.within(Window(121, None))] == [1, 2]
    assert [part.number for part in layout.within(Window(0, 2120))] == [0, 1]
    fine = Layout(
        90_000, 0, layout.inits, tuple(PartName(n, 0, n * 3003, 3003, True, 100, DIGEST) for n in range(4))
    )
    # 3003/90000 s is 33.37 ms: one ms later than 33 is not yet past it, and the end is rounded up.
    assert [part.number for part in fine.within(Window(33, 100))] == [1]
    assert [part.number for part in fine.within(Window(34, 101))] == [2]


def test_a_film_repeats_its_init_only_where_it_changes() -> None:
    layout = made("kkkkk", inits="00110")
    units = [(unit.name.number, unit.film_offset) for unit in layout.units()]
    assert units == [(0, 0), (0, 10), (1, 110), (1, 210), (2, 220), (3, 320), (0, 420), (4, 430)]
    late = layout.units_of(layout.parts[3:])
    assert [(type(unit.name), unit.name.number) for unit in late] == [
        (InitName, 1),
        (PartName, 3),
        (InitName, 0),
        (PartName, 4),
    ]
    assert layout.units_of([]) == []


def test_what_has_arrived_ends_at_the_first_hole() -> None:
    whole = made("kkkkk", inits="00011")
    for missing, left in ((2, 2), (0, 0), (4, 4)):
        parts = [part for part in whole.parts if part.number != missing]
        assert len(of_names(whole.inits, parts, timescale=1000).parts) == left
    assert len(of_names(whole.inits[:1], whole.parts, timescale=1000).parts) == 3
    assert of_names(whole.inits[1:], whole.parts, timescale=1000).parts == ()
    assert of_names([], [], timescale=1000).parts == ()


def test_a_running_playlist_leaves_out_the_open_run() -> None:
    layout = made("k--k-k-")
    text = hls.playlist(layout, layout.within(WHOLE), film_from=AT, base_url="overhead/", ended=False)
    assert text.splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:3",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:EVENT",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="overhead/init-0.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00.000Z",
        "#EXTINF:3.00000,",
        "overhead/0-2.m4s",
        "#EXTINF:2.00000,",
        "overhead/3-4.m4s",
    ]
    ended = hls.playlist(layout, layout.within(WHOLE), film_from=AT, base_url="overhead/", ended=True)
    assert ended.splitlines() == [
        *text.splitlines(),
        "#EXTINF:2.00000,",
        "overhead/5-6.m4s",
        "#EXT-X-ENDLIST",
    ]


def test_a_playlist_says_where_the_init_changes_and_where_there_is_a_hole() -> None:
    layout = made("kkk", inits="011")
    hole = Layout(1000, 250, layout.inits, (*layout.parts[:2], PartName(2, 1, 7000, 1000, True, 100, DIGEST)))
    text = hls.playlist(hole, hole.within(WHOLE), film_from=AT, base_url="", ended=True)
    assert text.splitlines()[6:] == [
        '#EXT-X-MAP:URI="init-0.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00.250Z",
        "#EXTINF:1.00000,",
        "0-0.m4s",
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="init-1.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:01.250Z",
        "#EXTINF:1.00000,",
        "1-1.m4s",
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:07.250Z",
        "#EXTINF:1.00000,",
        "2-2.m4s",
        "#EXT-X-ENDLIST",
    ]


def test_parts_before_the_first_keyframe_are_in_no_segment() -> None:
    assert [one.parts[0].number for one in hls.segments(made("--k-").parts, ended=True)] == [2]
    assert hls.segments((), ended=True) == []


def test_names_are_read_back() -> None:
    init = InitName(7, 801, "ab" * 32)
    part = PartName(12, 7, 1_080_000, 90_000, True, 91_234, "cd" * 32)
    assert (names.read_init(str(init)), names.read_part(str(part))) == (init, part)
    assert (names.read_init(str(part)), names.read_part(str(init))) == (None, None)
    assert names.read_part(str(part)[1:]) is None


def test_the_timescale_is_read_from_a_real_init() -> None:
    init = film()[0].init
    assert boxes.timescale(init) == 90_000
    for broken in (b"", init[:40], init[:200], b"\0" * 64, init.replace(b"mdhd", b"xxxx")):
        with pytest.raises(ValueError, match="timescale"):
            boxes.timescale(broken)


def test_what_other_programs_keep_in_the_bucket_is_not_ours() -> None:
    init, part = InitName(0, 700, "ab" * 32), PartName(12, 0, 5, 9, True, 9_000_000, "cd" * 32)
    folder = names.camera_folder(organisation_id="org1", take="bench1-1", camera="overhead")
    copies = names.rendition_folder(organisation_id="org1", take="bench1-1", camera="overhead")
    leaf = names.rendition_leaf(original="ab" * 32, copy="cd" * 32)
    for ours in (
        f"{folder}{init}",
        f"{folder}{part}",
        f"{copies}{leaf}.mp4",
        f"{copies}{leaf}-{'ef' * 32}.json",
        names.film_key(organisation_id="org1", take="bench1-1", camera="overhead"),
        names.manifest_key(organisation_id="org1", take="bench1-1"),
    ):
        assert names.is_ours(ours)
        assert not names.is_ours(f"other/{ours}")
    for theirs in ("backup.tar", "db/films/dump", "shop/takes/a/b/c.mp4", "shop/films/2026/a/b.mp4"):
        assert not names.is_ours(theirs)
