"""Tenants are walls: no request of one organisation reads or writes another's rows.

Everything is found by looking: every ``Owned`` model, every registered address. Two organisations get a row
of each model; then one of them asks for the other's at every address and with every method.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.core.serializers import serialize
from django.db import models, transaction
from django.http import Http404
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from packwitness.hub.links.models import Link
from packwitness.hub.notify.models import Message
from packwitness.hub.recordings.models import Recording, Take
from packwitness.hub.scope import access
from packwitness.hub.scope.owned import Owned
from tests.hub.conftest import House

OWNED = [model for model in apps.get_models() if issubclass(model, Owned)]

ELSEWHERE = ("accounts/", "language/", "log/", "w/", "healthz", "readyz")
"""Not of one organisation: a person's own account, the public log, and watch pages, which a link opens."""

OWN_NAMES = {("put", "api/v1/orders/<path:number>")}
"""Calls that name what the caller itself makes, so that another organisation may use the same name."""

REFUSED = {400, 403, 404, 405, 411, 415, 422}
"""A call that is refused; what is refused before the row is looked for need not say 404."""


class Rows:
    """A row of every ``Owned`` model for one organisation, made from what the model says of its fields."""

    def __init__(self, house: House, at: datetime) -> None:
        self.house, self.at = house, at

    def of(self, model: type[models.Model]) -> Any:
        """Return the organisation's first row of a model, made if there is none."""
        found = model._default_manager.filter(organisation=self.house.organisation).order_by("pk").first()
        return found or model._default_manager.create(**self.values(model))

    def values(self, model: type[models.Model]) -> dict[str, Any]:
        fields = [
            field for field in model._meta.concrete_fields if not field.has_default() and not field.null
        ]
        return {field.name: self.value(model, field) for field in fields if not field.blank}

    def value(self, model: type[models.Model], field: Any) -> Any:
        if isinstance(field, models.ForeignKey):
            target = field.remote_field.model
            return self.house.organisation if target is type(self.house.organisation) else self.of(target)
        kinds: dict[Any, Any] = {
            models.DateTimeField: self.at,
            models.JSONField: {},
            models.BinaryField: b"x" * 32,
            models.IntegerField: 1,
            models.BooleanField: False,
        }
        for kind, value in kinds.items():
            if isinstance(field, kind):
                return value
        if field.choices:
            return next(iter(dict(field.flatchoices)))
        return f"{model.__name__}-{self.house.organisation.id}".lower()[: field.max_length]

    def everything(self) -> dict[str, str]:
        """All rows of the organisation, as text by model."""
        return {
            model._meta.label: serialize("json", access.rows(model, self.house.scope).order_by("pk"))
            for model in OWNED
        }


@dataclass(frozen=True)
class Address:
    """A registered address with its parameters."""

    route: str
    parameters: tuple[tuple[str, str], ...]

    def filled(self, rows: Rows) -> str:
        """Return the address with an organisation's own values in it."""
        values: dict[str, Callable[[], Any]] = {
            "bench": lambda: rows.house.bench.pk,
            "take": lambda: rows.of(Take).pk,
            "recording": lambda: rows.of(Recording).pk,
            "link": lambda: rows.of(Link).pk,
            "message": lambda: rows.of(Message).pk,
            "key": lambda: rows.house.api_key.pk,
            "order_id": lambda: rows.house.order.pk,
            "camera": lambda: "overhead",
            "language": lambda: "en",
        }
        path = "/" + self.route
        for converter, name in self.parameters:
            value = (
                0 if converter == "int" else rows.house.order.number if name == "number" else values[name]()
            )
            path = re.sub(rf"<(?:\w+:)?{name}>", str(value), path)
        return path


def addresses(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[Address]:
    """Every registered address of ours."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if route.startswith(ELSEWHERE):
            continue
        if isinstance(entry, URLPattern):
            yield Address(route, tuple(re.findall(r"<(?:(\w+):)?(\w+)>", route)))
        else:
            yield from addresses(entry, route)


ADDRESSES = sorted(set(addresses()), key=lambda address: address.route)
WITH_PARAMETERS = [address for address in ADDRESSES if address.parameters]
LISTS = [address for address in ADDRESSES if not address.parameters]


def caller(house: House, address: Address) -> Client:
    """Whoever may call the address at all."""
    if address.route.startswith("api/station/"):
        return house.station_client()
    if address.route.startswith("api/v1/") and not address.route.startswith("api/v1/docs"):
        return house.api()
    return house.client()


def content(answer: HttpResponseBase) -> bytes:
    """All bytes of an answer."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]  # one of the two


@pytest.fixture
def ours(house: House, now: datetime) -> Rows:
    rows = Rows(house, now)
    for model in OWNED:
        rows.of(model)
    return rows


@pytest.fixture
def theirs(stranger: House, now: datetime) -> Rows:
    stranger.order.number = f"S-{stranger.organisation.id}"
    stranger.order.save(update_fields=["number"])
    rows = Rows(stranger, now)
    for model in OWNED:
        rows.of(model)
    return rows


def test_rows_are_reached_by_their_owner_alone(ours: Rows, theirs: Rows) -> None:
    for model in OWNED:
        mine, other = ours.of(model), theirs.of(model)
        assert access.one(model, ours.house.scope, pk=mine.pk) == mine
        assert other not in access.rows(model, ours.house.scope)
        with pytest.raises(Http404):
            access.one(model, ours.house.scope, pk=other.pk)


def test_what_is_anothers_is_not_there(ours: Rows, theirs: Rows) -> None:
    before, offences = theirs.everything(), []

    for address in WITH_PARAMETERS:
        client, path = caller(ours.house, address), address.filled(theirs)
        for method in ("get", "post", "put", "patch", "delete"):
            body = {} if method == "get" else "{}"
            with transaction.atomic():
                answer = getattr(client, method)(path, body, content_type="application/json")
                changed = theirs.everything() != before
                transaction.set_rollback(True)
            allowed = {404, 405} if method == "get" else REFUSED
            if answer.status_code not in allowed and (method, address.route) not in OWN_NAMES:
                offences.append(f"{method} {address.route} answers {answer.status_code}")
            if changed:
                offences.append(f"{method} {address.route} changes what is theirs")

    assert offences == []


def test_lists_hold_nothing_of_others(ours: Rows, theirs: Rows) -> None:
    foreign = [theirs.house.organisation.name, *(str(theirs.of(model).pk) for model in OWNED)]
    statuses, offences = {}, []

    for address in LISTS:
        answer = caller(ours.house, address).get("/" + address.route)
        shown = content(answer).decode()
        statuses[address.route] = answer.status_code
        offences += [f"{address.route} shows {word}" for word in foreign if word in shown]

    assert offences == []
    assert {route: status for route, status in statuses.items() if status >= 500} == {}
    assert list(statuses.values()).count(200) > len(statuses) / 2


def test_the_same_addresses_open_for_their_owner(ours: Rows) -> None:
    """The tests above would pass on a hub that opens nothing."""
    opened = {
        address.route
        for address in WITH_PARAMETERS
        if caller(ours.house, address).get(address.filled(ours)).status_code == 200
    }

    assert opened >= {
        "api/v1/orders/<path:number>",
        "api/v1/recordings/<recording>",
        "orders/<str:order_id>/",
        "takes/<str:take>/",
    }


def test_nothing_opens_for_who_is_nobody(ours: Rows, client: Client) -> None:
    offences = []

    for address in ADDRESSES:
        answer = client.get(address.filled(ours))
        to_login = answer.headers.get("Location", "").startswith("/accounts/login/")
        if answer.status_code not in (401, 404, 405) and not to_login:
            offences.append(f"{address.route} answers {answer.status_code}")

    assert offences == []
