"""What people are told while the store of films does not answer."""

import socket
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import Settings

from tests.hub.conftest import House
from tests.hub.recordings.filmed import Filming
from tests.hub.watch.test_access import link_to, path_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def filming(house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Filming:
    """A film whose store has gone: nothing listens where it was."""
    found = Filming(house)
    found.whole()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "nobody")
    with socket.create_server(("127.0.0.1", 0)) as gone:
        endpoint = f"http://127.0.0.1:{gone.getsockname()[1]}"
    settings.VAULT_URL = f"s3://films/hub?{urlencode({'endpoint': endpoint, 'region': 'us-east-1'})}"
    return found


def test_pages_and_films_say_that_the_store_is_away(
    house: House, filming: Filming, member_client: Client, client: Client
) -> None:
    link = path_of(link_to(house))
    for who, address in (
        (client, f"{link}/film/{filming.take}/overhead.mp4"),
        (member_client, f"/takes/{filming.take}/film/overhead.mp4"),
        (member_client, f"/takes/{filming.take}/"),
    ):
        answer = who.get(address, headers={"Accept-Language": "ko"})
        assert (answer.status_code, answer["Retry-After"]) == (503, "30"), address
        assert "지금은 영상을 불러올 수 없습니다" in answer.text
