"""The hub goes away while a parcel is packed: the packer goes on, and nothing is lost."""

import signal
from pathlib import Path

from tests.e2e.audit import audit
from tests.e2e.numbered_film import holes, pictures
from tests.e2e.shop import CAMERAS, Shop, until


def film_state(shop: Shop, take: str) -> str:
    """Return what the kiosk says of a finished take."""
    return next((str(one["state"]) for one in shop.kiosk()["last_takes"] if one["take"] == take), "")


def test_the_station_films_on_and_sends_everything_later(shop: Shop, tmp_path: Path) -> None:
    across = shop.start("607812340020")
    shop.filmed(across, 2)
    hub = shop.house.process("hub")
    hub.send_signal(signal.SIGTERM)
    assert hub.wait(20) == 0
    shop.filmed(across, 5)
    shop.end()
    alone = shop.start("607812340021")
    shop.filmed(alone, 3)
    until(lambda: shop.kiosk()["status"]["hub"] == "offline", what="the kiosk says that the hub is away")
    assert shop.running() == alone
    shop.end()
    for take in (across, alone):
        until(
            lambda take=take: film_state(shop, take) in ("waiting", "uploading"),  # type: ignore[misc] # bound now
            what="the kiosk says that the film is here only",
        )

    shop.house.start_hub()
    for take in (across, alone):
        assert shop.sealed(take)["outcome"] == "completed"
        receipt = shop.layout.take(take) / "receipt.json"
        until(receipt.exists, what="the receipt lies beside the take")
        for camera in CAMERAS:
            assert holes(pictures(shop.film(take, camera))) == []
        until(
            lambda take=take: film_state(shop, take) == "safe",  # type: ignore[misc] # bound now
            what="the kiosk says that the film is safe",
        )
    until(lambda: shop.kiosk()["status"]["hub"] == "online", what="the kiosk says that the hub is back")
    audit(shop, tmp_path)
