from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.station.spool.station_of_one import Spool, close_all, make


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = make(tmp_path / "data")
    yield spool
    close_all(spool)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
