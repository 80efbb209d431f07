"""Films, ranges and live playlists over HTTP, before and after the parts are joined."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, RequestFactory
from django_ox.testing import run_tasks

from packwitness.hub.audit.models import Entry
from packwitness.hub.recordings import playback, playback_views
from packwitness.hub.recordings.layout import Window
from packwitness.hub.recordings.models import Take
from packwitness.hub.recordings.playback import NoFilm
from packwitness.hub.vault.store import vault
from tests.hub.conftest import NOW, House
from tests.hub.recordings.filmed import Filming, body, film

pytestmark = pytest.mark.django_db


def get(house: House, address: str, **headers: str) -> Any:
    return house.client().get(address, headers=headers)


@pytest.mark.parametrize("joined", [False, True])
def test_ranges_are_those_of_the_sealed_bytes(house: House, joined: bool) -> None:
    filming = Filming(house, cameras={"overhead": film(3) + film(2, width=128, shade=30)})
    filming.whole()
    if joined:
        run_tasks()
    assert Take.objects.get().film_state == ("joined" if joined else "parts")
    whole = filming.bytes_of("overhead")
    client, address = house.client(), f"/takes/{filming.take}/film/overhead.mp4"
    answer = client.get(address)
    assert (answer.status_code, body(answer)) == (200, whole)
    assert (answer["Content-Type"], answer["Accept-Ranges"]) == ("video/mp4", "bytes")
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "private, no-cache")
    rng = random.Random(3)
    for _ in range(40):
        first = rng.randrange(len(whole))
        last = rng.randrange(first, len(whole) + 50)
        part = client.get(address, headers={"Range": f"bytes={first}-{last}"})
        end = min(last, len(whole) - 1)
        assert (part.status_code, body(part)) == (206, whole[first : end + 1])
        assert part["Content-Range"] == f"bytes {first}-{end}/{len(whole)}"
        assert int(part["Content-Length"]) == end + 1 - first
    assert body(client.get(address, headers={"Range": "bytes=-100"})) == whole[-100:]
    assert body(client.get(address, headers={"Range": "bytes=500-"})) == whole[500:]


def test_requests_out_of_the_ordinary(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    client, address = house.client(), f"/takes/{filming.take}/film/overhead.mp4"
    size = len(filming.bytes_of("overhead"))
    etag = client.head(address)["ETag"]

    def status(**headers: str) -> tuple[int, int]:
        answer = client.get(
            address, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        return answer.status_code, len(body(answer))

    assert status(Range=f"bytes={size}-") == (416, 0)
    assert status(Range="bytes=-0") == (416, 0)
    assert status(Range="bytes=5-4") == (200, size)
    assert status(Range="bytes=0-1,5-6") == (200, size)
    assert status(Range="lines=0-1") == (200, size)
    assert status(Range="bytes=0-9", If_Range=etag) == (206, 10)
    assert status(Range="bytes=0-9", If_Range='"another"') == (200, size)
    assert status(If_None_Match=etag) == (304, 0)
    head = client.head(address)
    assert (head.status_code, int(head["Content-Length"]), body(head)) == (200, size, b"")
    assert client.post(address).status_code == 405


def test_the_etag_is_the_same_before_and_after_the_join(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    address = f"/takes/{filming.take}/film/overhead.mp4"
    before = house.client().head(address)["ETag"]
    run_tasks()
    assert house.client().head(address)["ETag"] == before


def test_a_film_that_is_joined_while_it_is_sent(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    source = playback.film(Take.objects.get(), "overhead")
    blocks = source.open_range()
    received = next(blocks)
    run_tasks()
    assert Take.objects.get().film_state == "joined"
    assert received + b"".join(blocks) == filming.bytes_of("overhead")
    assert len(list(vault().list(f"{house.organisation.id}/takes/"))) == 0


def test_a_window_begins_at_a_keyframe_with_its_init(house: House) -> None:
    filming = Filming(house, cameras={"overhead": film(6, gop=20)})
    filming.whole()
    take = Take.objects.get()
    for joined in (False, True):
        if joined:
            run_tasks()
            take.refresh_from_db()
        late = playback.film(take, "overhead", 1500)
        assert b"".join(late.open_range()) == filming.bytes_of("overhead", 2)
        assert b"".join(playback.film(take, "overhead", 0, 6000).open_range()) == filming.bytes_of("overhead")
        assert playback.film(take, "overhead", 0, 5999).size < playback.film(take, "overhead").size
        for window in ((5000, None), (0, 0), (2000, 2999)):
            with pytest.raises(NoFilm):
                playback.film(take, "overhead", *window)
    assert late.etag != playback.film(take, "overhead").etag


def test_the_film_can_be_decoded(house: House, tmp_path: Path) -> None:
    filming = Filming(house, cameras={"overhead": film(4)})
    filming.whole()
    path = tmp_path / "film.mp4"
    path.write_bytes(body(get(house, f"/takes/{filming.take}/film/overhead.mp4")))
    with av.open(str(path)) as opened:
        shades = [int(picture.to_ndarray(format="gray").mean()) for picture in opened.decode(video=0)]
    assert len(shades) == 40
    assert shades == sorted(shades)


def test_a_running_take_is_followed_live(house: House) -> None:
    filming = Filming(house, cameras={"overhead": film(6, gop=20)})
    filming.announce()
    base = f"/takes/{filming.take}/live/overhead"
    assert get(house, f"{base}.m3u8").status_code == 404
    assert get(house, f"/takes/{filming.take}/film/overhead.mp4").status_code == 404
    filming.send_parts(lambda camera, n: n < 5)
    listed = body(get(house, f"{base}.m3u8")).decode().splitlines()
    assert [line for line in listed if line.endswith(".m4s")] == ["overhead/0-1.m4s", "overhead/2-3.m4s"]
    assert "#EXT-X-ENDLIST" not in listed
    parts = filming.cameras["overhead"]
    first = get(house, f"{base}/0-1.m4s")
    assert body(first) == parts[0].data + parts[1].data
    assert "immutable" in first["Cache-Control"]
    assert body(get(house, f"{base}/init-0.mp4")) == parts[0].init
    for missing in ("4-5.m4s", "3-2.m4s", "init-1.mp4"):
        assert get(house, f"{base}/{missing}").status_code == 404
    filming.send_parts()
    filming.seal()
    run_tasks()
    listed = body(get(house, f"{base}.m3u8")).decode().splitlines()
    assert listed[-2:] == ["overhead/4-5.m4s", "#EXT-X-ENDLIST"]
    assert body(get(house, f"{base}/0-1.m4s")) == parts[0].data + parts[1].data
    assert body(get(house, f"{base}/4-5.m4s")) == parts[4].data + parts[5].data


def test_a_window_holds_for_segments_too(house: House) -> None:
    filming = Filming(house, cameras={"overhead": film(6, gop=20)})
    filming.announce()
    filming.send_parts(lambda camera, n: n < 5)
    take, window = Take.objects.get(), Window(1500)
    listed = playback.playlist(take, "overhead", "", window)
    assert "2-3.m4s" in listed
    assert "0-1.m4s" not in listed
    assert playback.segment(take, "overhead", 2, 3, window).size > 0
    for first, last in ((0, 1), (1, 2), (4, 5)):
        with pytest.raises(NoFilm):
            playback.segment(take, "overhead", first, last, window)


def test_segments_from_the_film_need_no_init_between_them(house: House) -> None:
    filming = Filming(house, cameras={"overhead": film(2) + film(2, width=128)})
    filming.whole()
    run_tasks()
    base = f"/takes/{filming.take}/live/overhead"
    parts = filming.cameras["overhead"]
    assert body(get(house, f"{base}/2-3.m4s")) == parts[2].data + parts[3].data
    assert body(get(house, f"{base}/init-1.mp4")) == parts[2].init


def test_captions_and_chapters(house: House) -> None:
    filming = Filming(house, offset_ms=100)
    filming.announce()
    address = f"/takes/{filming.take}/captions.en.vtt"
    assert get(house, address).status_code == 404
    filming.send_parts()
    filming.seal()
    answer = get(house, address)
    assert answer["Content-Type"] == "text/vtt; charset=utf-8"
    assert "00:00:00.900 --> 00:00:01.800\nFilming begins." in body(answer).decode()
    assert "WEBVTT" in body(get(house, f"/takes/{filming.take}/chapters.ko.vtt")).decode()
    assert get(house, f"{address}?camera=attic").status_code == 404


def test_an_opening_is_recorded_once_and_not_each_range(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    client, address = house.client(), f"/takes/{filming.take}/film/overhead.mp4"
    for first in (0, 100, 200, 0):
        body(client.get(address, headers={"Range": f"bytes={first}-"}))
    saved = client.get(f"{address}?download=1")
    assert saved["Content-Disposition"] == f'attachment; filename="{filming.take}-overhead.mp4"'
    body(saved)
    recorded = Entry.objects.filter(subject=f"take:{filming.take}").values_list("action", "actor_id")
    assert sorted(recorded) == [
        ("film.downloaded", house.scope.actor.id),
        ("film.viewed", house.scope.actor.id),
    ]


def test_no_address_of_a_film_opens_for_others(house: House, stranger: House) -> None:
    filming = Filming(house)
    filming.whole()
    other = stranger.client()
    addresses = [
        "film/overhead.mp4",
        "live/overhead.m3u8",
        "live/overhead/0-0.m4s",
        "live/overhead/init-0.mp4",
        "captions.en.vtt",
        "chapters.en.vtt",
        "bundle.zip",
        "export/overhead.mp4",
    ]
    for address in addresses:
        path = f"/takes/{filming.take}/{address}"
        allowed = house.client("viewer").get(path)
        assert (allowed.status_code, len(body(allowed)) > 0) == (200, True), path
        assert other.get(path).status_code == 404, path
        assert type(other)().get(path).status_code == 302, path
        assert house.station_client().get(path).status_code == 302, path
        assert house.client().get(path.replace(filming.take, "nosuch-1")).status_code == 404, path


def test_under_asgi_a_film_is_streamed_in_blocks(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    client = AsyncClient()
    async_to_sync(client.aforce_login)(
        house.member.user, backend="allauth.account.auth_backends.AuthenticationBackend"
    )

    async def fetch() -> tuple[int, bytes]:
        answer = await client.get(f"/takes/{filming.take}/film/overhead.mp4")
        sent: Any = answer  # the stubs do not know that a client's answer may be streamed
        assert sent.is_async
        return answer.status_code, b"".join([block async for block in sent])

    assert async_to_sync(fetch)() == (200, filming.bytes_of("overhead"))


def test_what_a_caller_with_a_window_serves(house: House) -> None:
    """What the watch page does: the caller decides on take and window."""
    filming = Filming(house, cameras={"overhead": film(6, gop=20)}, started_at=NOW + timedelta(hours=2))
    filming.whole()
    request = RequestFactory().get("/w/x", headers={"Range": "bytes=0-99"})
    answer = playback_views.film_view(request, Take.objects.get(), "overhead", Window(2000, 6000))
    assert body(answer) == filming.bytes_of("overhead", 2)[:100]
