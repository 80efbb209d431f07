"""What every room's tests start from: an organisation with a member, an API key, a station with a bench, an
order.

``house`` is one such organisation; ``stranger`` is another one, complete as well, for everything that must
not be reached over the wall. The short fixtures name parts of ``house``.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from django.test import Client

from packwitness.evidence.keys import SigningKey
from packwitness.hub.orders import operations as orders
from packwitness.hub.orders.input import BuyerInput, LineInput, OrderInput, ShipmentInput
from packwitness.hub.orders.models import Order
from packwitness.hub.scope.scope import Scope, command_scope
from packwitness.hub.stations.models import Bench, Station
from packwitness.hub.tenants import operations as tenants
from packwitness.hub.tenants import queries
from packwitness.hub.tenants.models import ApiKey, Member, Organisation, Site

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"


@dataclass
class House:
    """One organisation with everything that a test needs."""

    organisation: Organisation
    scope: Scope
    """Of its owner."""
    site: Site
    member: Member
    api_key: ApiKey
    api_secret: str
    station: Station
    station_key: SigningKey
    station_token: str
    bench: Bench
    order: Order

    def client(self, role: str = "owner") -> Client:
        """Return a signed-in browser of a member with ``role``."""
        member = self.member
        if role != "owner":
            email = f"{role}@{self.organisation.id}.example"
            member = tenants.add_member(scope=self.scope, email=email, password=PASSWORD, role=role, at=NOW)
        client = Client()
        client.force_login(member.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    def api(self) -> Client:
        """Return an integrator's client: every call carries the API key."""
        return Client(headers={"authorization": f"Bearer {self.api_secret}"})

    def station_client(self) -> Client:
        """Return the station's client: every call carries its token."""
        return Client(headers={"authorization": f"Bearer {self.station_token}"})


def build_house(name: str) -> House:
    """Make an organisation with a site, an owner, an API key, a station with one bench, and an order."""
    organisation = tenants.create_organisation(name=name, language="en", at=NOW)
    command = command_scope(organisation.id, "tests")
    site = tenants.create_site(scope=command, name="Warehouse", at=NOW)
    member = tenants.add_member(
        scope=command, email=f"owner@{organisation.id}.example", password=PASSWORD, role="owner", at=NOW
    )
    scope = queries.scope_of(member=member)
    api_key, api_secret = tenants.issue_api_key(scope=command, name="Shop", at=NOW)
    key, token = SigningKey.generate(), secrets.token_urlsafe(32)
    station = Station.objects.create(
        organisation=organisation,
        created_at=NOW,
        site=site,
        name="PC 1",
        public_key=key.public.raw,
        key_id=key.public.key_id,
        certificate={},
        token_hash=tenants.secret_hash(token),
    )
    bench = Bench.objects.create(
        organisation=organisation, created_at=NOW, site=site, station=station, name="Bench 1"
    )
    order, _ = orders.put_order(
        scope=scope,
        order=OrderInput(
            number="A-1001",
            buyer=BuyerInput(
                name="Kim Minji", email="minji@example.com", phone="010-1234-5678", language="ko"
            ),
            lines=(
                LineInput(sku="MUG-1", name="Blue mug", quantity=2),
                LineInput(sku="TEA-7", name="Green tea", quantity=1),
            ),
            shipments=(ShipmentInput(tracking_number="6012-3456-7890", courier="CJ"),),
        ),
        at=NOW,
    )
    return House(organisation, scope, site, member, api_key, api_secret, station, key, token, bench, order)


@pytest.fixture
def now() -> datetime:
    """The moment at which everything here was made."""
    return NOW


@pytest.fixture
def make_house(db: None) -> Callable[[str], House]:
    """Make further organisations."""
    return build_house


@pytest.fixture
def house(db: None) -> House:
    """The organisation of the test."""
    return build_house("Mugs & Teas")


@pytest.fixture
def stranger(db: None) -> House:
    """Another organisation, with the same things of the same names."""
    return build_house("Somebody Else")


@pytest.fixture
def organisation(house: House) -> Organisation:
    return house.organisation


@pytest.fixture
def scope(house: House) -> Scope:
    """The owner's scope."""
    return house.scope


@pytest.fixture
def bench(house: House) -> Bench:
    return house.bench


@pytest.fixture
def station(house: House) -> Station:
    return house.station


@pytest.fixture
def order(house: House) -> Order:
    return house.order


@pytest.fixture
def member_client(house: House) -> Client:
    """The owner's browser."""
    return house.client()


@pytest.fixture
def api_client(house: House) -> Client:
    return house.api()


@pytest.fixture
def station_client(house: House) -> Client:
    return house.station_client()
