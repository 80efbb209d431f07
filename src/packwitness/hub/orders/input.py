"""An order as a shop, a spreadsheet or a person gives it."""

from typing import Annotated

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from packwitness.hub.orders.codes import code_key

Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Identifier = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""Always text: leading zeros count."""


def _address(value: str) -> str:
    """Accept an e-mail address, or nothing."""
    if value:
        try:
            validate_email(value)
        except ValidationError as error:
            raise ValueError("is not an e-mail address") from error
    return value


def _web(value: str) -> str:
    """Accept an http(s) address, or nothing: it goes into pages that the buyer sees."""
    if value and not value.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return value


def _code(value: str) -> str:
    """Accept a number that has something to compare."""
    if not code_key(value):
        raise ValueError("has no letter or digit")
    return value


class Input(BaseModel):
    """Base: frozen, and a field we do not know is an error, so that a spelling mistake is seen at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LineInput(Input):
    """One product."""

    name: Identifier
    sku: Short = ""
    quantity: Annotated[int, Field(ge=1, le=100_000)] = 1
    image_url: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_web)
    ] = ""


class ShipmentInput(Input):
    """One parcel."""

    tracking_number: Annotated[Identifier, AfterValidator(_code)]
    courier: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = ""


class BuyerInput(Input):
    """Who gets it. ``language`` is a tag such as ``ko``."""

    name: Short = ""
    email: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_address)
    ] = ""
    phone: Annotated[str, StringConstraints(strip_whitespace=True, max_length=50)] = ""
    language: Annotated[str, StringConstraints(pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?)?$")] = ""


class OrderBody(Input):
    """An order without its name, as ``PUT /api/v1/orders/{number}`` takes it."""

    buyer: BuyerInput = BuyerInput()
    placed_at: AwareDatetime | None = None
    lines: Annotated[tuple[LineInput, ...], Field(max_length=500)] = ()
    shipments: Annotated[tuple[ShipmentInput, ...], Field(max_length=100)] = ()

    @field_validator("shipments")
    @classmethod
    def _once(cls, value: tuple[ShipmentInput, ...]) -> tuple[ShipmentInput, ...]:
        keys = [code_key(shipment.tracking_number) for shipment in value]
        if len(set(keys)) < len(keys):
            raise ValueError("names the same tracking number twice")
        return value


class OrderInput(OrderBody):
    """An order. ``channel`` tells apart shops whose numbers may be the same."""

    number: Identifier
    channel: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = ""
