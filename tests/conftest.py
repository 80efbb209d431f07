"""What holds for every test. Fixtures live beside the tests that use them; those of several parts, here."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.object_store import ObjectStore

TESTS = Path(__file__).resolve().parent


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in tests/e2e drives real servers and a real browser, so it takes turns in one worker. What
    needs the object store goes to one worker too, so that one store is started.
    """
    for item in items:
        if item.path.is_relative_to(TESTS / "e2e"):
            item.add_marker(pytest.mark.e2e)
        if item.get_closest_marker("e2e") and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("e2e"))
        elif "s3_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("s3"))


@pytest.fixture(scope="session")
def s3_server() -> "Iterator[ObjectStore]":
    """A real S3 store for all tests that need one."""
    # Most tests need none, and boto3 takes its time.
    from tests import object_store

    with object_store.running() as store:
        yield store


@pytest.fixture
def s3(s3_server: "ObjectStore", monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "ObjectStore":
    """The S3 store, with the hub's credentials in the environment and no others on this machine."""
    # As above.
    from tests import object_store

    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", object_store.ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", object_store.SECRET)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    return s3_server
