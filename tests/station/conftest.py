from collections.abc import Iterator

import pytest

from tests.station.spool.hub_counterpart import HubCounterpart
from tests.station.spool.station_of_one import HUB_KEY, certificates

CODE = "CODE-1234-5678"


@pytest.fixture
def new_hub() -> Iterator[HubCounterpart]:
    """A hub that knows no station and has given out one code."""
    hub = HubCounterpart(HUB_KEY, certificates)
    hub.codes = {CODE}
    with hub.running():
        yield hub


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
