"""Two parcels one after the other: the second one's pre-roll shows the first; its buyer must not see it."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from tests.e2e.audit import audit
from tests.e2e.numbered_film import Seen, pictures
from tests.e2e.shop import CAMERAS, Shop, until

FIRST, SECOND = "607812340002", "607812340003"
EMAILS = {FIRST: "first@example.com", SECOND: "second@example.com"}


def colours(seen: list[Seen]) -> list[str]:
    """Return the colours in the order in which they come."""
    return list(dict.fromkeys(one.colour for one in seen))


def all_show(shop: Shop, take: str, colour: str) -> bool:
    """Say whether every camera's newest part on the station's disk has this colour."""
    for camera in CAMERAS:
        parts = shop.parts(take, camera)
        if not parts:
            return False
        head = shop.layout.init_file(take, camera, 0).read_bytes()
        if pictures(head + parts[-1].read_bytes())[-1].colour != colour:
            return False
    return True


def live(shop: Shop, playlist: str) -> Iterator[list[Seen]]:
    """Yield the pictures of every segment that a playlist names."""
    answer = shop.buyer.get(playlist)
    assert answer.status_code == 200, answer.text[:300]
    lines = answer.text.splitlines()
    (init,) = re.findall(r'#EXT-X-MAP:URI="([^"]+)"', answer.text)
    head = shop.buyer.get(urljoin(playlist, init)).content
    for line in lines:
        if line and not line.startswith("#"):
            yield pictures(head + shop.buyer.get(urljoin(playlist, line)).content)


def live_link(shop: Shop, take: str) -> str:
    """Make a link as an agent does while the parcel is being packed, and return its path."""
    page = shop.person.get(f"/takes/{take}/")
    form = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert form
    made = shop.person.post(
        f"/takes/{take}/links",
        data={"csrfmiddlewaretoken": form[1]},
        headers={"Referer": f"{shop.house.hub_url}/takes/{take}/"},
    )
    found = re.search(r"/w/[A-Za-z0-9_-]+", made.text)
    assert found, made.text[:500]
    return found[0]


def test_a_link_shows_its_parcel_and_nothing_of_the_one_before(shop: Shop, tmp_path: Path) -> None:
    for code, email in EMAILS.items():
        shop.order(code, email)
    shop.new_cable()
    first = shop.start(FIRST)
    # The ring may hold what was before the new beginning: first red, then blue.
    for colour in ("red", "blue"):
        until(lambda colour=colour: all_show(shop, first, colour), what=f"all cameras show {colour}")  # type: ignore[misc] # bound now
    second = shop.start(SECOND)

    until(lambda: shop.take(second), what="the hub knows the second take")
    link = live_link(shop, second)
    for camera in CAMERAS:
        playlist = f"{link}/live/{second}/{camera}.m3u8"
        until(lambda at=playlist: shop.buyer.get(at).text.count(".m4s") >= 2, what="live segments")  # type: ignore[misc] # bound now
        assert {tuple(colours(seen)) for seen in live(shop, playlist)} == {("blue",)}
    shop.end()
    shop.sealed(second)

    links = {code: urlsplit(shop.letter(email).link).path for code, email in EMAILS.items()}
    for camera in CAMERAS:
        assert colours(pictures(shop.film(second, camera))) == ["red", "blue"]
        for address in (link, links[SECOND]):
            given = shop.buyer.get(f"{address}/film/{second}/{camera}.mp4")
            assert given.status_code == 200
            assert colours(pictures(given.content)) == ["blue"]
        # The pre-roll's parts are not to be had by their numbers either.
        for path in ("0-0.m4s", "0-1.m4s", "1-1.m4s"):
            assert shop.buyer.get(f"{links[SECOND]}/live/{second}/{camera}/{path}").status_code == 404
        assert "red" in colours(pictures(shop.buyer.get(f"{links[FIRST]}/film/{first}/{camera}.mp4").content))
        for code, take in ((FIRST, second), (SECOND, first)):
            for path in (
                f"film/{take}/{camera}.mp4",
                f"live/{take}/{camera}.m3u8",
                f"live/{take}/{camera}/0-0.m4s",
            ):
                assert shop.buyer.get(f"{links[code]}/{path}").status_code == 404, (code, path)
    # The whole bundle of the second take would show the first parcel.
    assert shop.buyer.get(f"{links[SECOND]}/bundle/{second}.zip").status_code == 404
    audit(shop, tmp_path)
