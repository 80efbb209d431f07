from collections.abc import Callable

import pytest
from pytest_django import Settings

from packwitness.hub.notify import operations
from packwitness.hub.notify.models import Message
from packwitness.hub.recordings.models import Recording
from tests.hub.conftest import NOW, House


@pytest.fixture
def recording(house: House) -> Recording:
    """A finished recording of the order's parcel, filed as filing does it."""
    return Recording.objects.create(
        organisation=house.organisation,
        created_at=NOW,
        code="6012-3456-7890",
        code_key="601234567890",
        shipment=house.order.shipments.get(),
        filmed_at=NOW,
    )


@pytest.fixture
def message(house: House, recording: Recording) -> Message:
    """The message about it, queued."""
    found = operations.tell_buyer(scope=house.scope, recording=recording.id, at=NOW)
    assert found is not None
    return found


@pytest.fixture
def mail_goes_to(settings: Settings) -> Callable[[str], None]:
    """Set the mail server for the rest of the test."""

    def set_url(url: str) -> None:
        settings.SMTP_CONFIGURED = True
        settings.PACKWITNESS = settings.PACKWITNESS.model_copy(update={"smtp_url": url})
        settings.DEFAULT_FROM_EMAIL = "Mugs <films@mugs.example>"

    return set_url
