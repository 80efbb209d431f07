"""Organisations, members and API keys."""

from datetime import datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.test import Client

from packwitness.hub.audit import queries as audit
from packwitness.hub.scope.scope import Scope
from packwitness.hub.tenants import operations, queries
from packwitness.hub.tenants.models import ApiKey, Member, User
from tests.hub.conftest import PASSWORD, House


def test_a_member_is_added_once(house: House, now: datetime) -> None:
    first = operations.add_member(
        scope=house.scope, email=" Agent@Example.com ", password=PASSWORD, role="agent", at=now
    )
    again = operations.add_member(scope=house.scope, email="agent@example.com", role="owner", at=now)

    assert (again.id, again.role) == (first.id, "agent")
    assert first.user.email == "agent@example.com"
    assert first.user.check_password(PASSWORD)
    assert EmailAddress.objects.get(user=first.user).verified


def test_a_person_can_belong_to_two_organisations(house: House, stranger: House, now: datetime) -> None:
    both = operations.add_member(scope=stranger.scope, email=house.member.user.email, role="viewer", at=now)

    scopes = [queries.scope_of(member=one) for one in queries.memberships(user=both.user)]
    assert {(one.organisation_id, one.role) for one in scopes} == {
        (house.organisation.id, "owner"),
        (stranger.organisation.id, "viewer"),
    }
    assert both.user.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("email", "password", "role"),
    [
        ("no address", PASSWORD, "agent"),
        ("a@example.com", "short", "agent"),
        ("a@example.com", PASSWORD, "king"),
    ],
)
def test_members_that_cannot_be(house: House, now: datetime, email: str, password: str, role: str) -> None:
    before = User.objects.count()

    with pytest.raises(ValidationError):
        operations.add_member(scope=house.scope, email=email, password=password, role=role, at=now)
    assert User.objects.count() == before


def test_only_owners_change_who_belongs(house: House, now: datetime) -> None:
    agent = Scope(house.organisation.id, house.scope.actor, role="agent")

    for call in (
        lambda: operations.add_member(scope=agent, email="x@example.com", at=now),
        lambda: operations.issue_api_key(scope=agent, name="x", at=now),
        lambda: operations.revoke_api_key(scope=agent, key_id=house.api_key.id, at=now),
        lambda: operations.create_site(scope=agent, name="x", at=now),
    ):
        with pytest.raises(PermissionDenied):
            call()


@pytest.mark.parametrize(("name", "zone"), [("  ", "UTC"), ("Shop", "Mars/Olympus")])
def test_organisations_that_cannot_be(db: None, now: datetime, name: str, zone: str) -> None:
    with pytest.raises(ValidationError):
        operations.create_organisation(name=name, time_zone=zone, at=now)


def test_a_key_opens_the_api_until_it_is_revoked(house: House, stranger: House, now: datetime) -> None:
    key, secret = operations.issue_api_key(scope=house.scope, name="Shop", at=now)

    def status(bearer: str) -> int:
        return Client(headers={"authorization": f"Bearer {bearer}"}).get("/api/v1/orders").status_code

    before = status(secret)
    wrong = [status(one) for one in ("", "pw", secret[:-1], secret + "x", secret.replace("pw_", "pq_"))]
    key.refresh_from_db()
    with pytest.raises(Http404):
        operations.revoke_api_key(scope=stranger.scope, key_id=key.id, at=now)
    operations.revoke_api_key(scope=house.scope, key_id=key.id, at=now)
    operations.revoke_api_key(scope=house.scope, key_id=key.id, at=now + timedelta(hours=1))

    assert (before, wrong, status(secret)) == (200, [401] * 5, 401)
    assert key.last_used_at is not None
    assert ApiKey.objects.get(pk=key.pk).revoked_at == now
    assert secret not in str(list(ApiKey.objects.values()))
    actions = [entry.action for entry in audit.entries(scope=house.scope, subject=f"api_key:{key.id}")]
    assert sorted(actions) == ["api_key.issued", "api_key.revoked"]


def test_choosing_between_organisations(house: House, stranger: House, now: datetime) -> None:
    operations.add_member(scope=stranger.scope, email=house.member.user.email, role="viewer", at=now)
    client = house.client()

    pages = []
    for wanted in (stranger.organisation.id, house.organisation.id, "nonsense"):
        client.post("/organisation/choose", {"organisation": wanted})
        pages.append(client.get("/accounts/2fa/").context["organisation"].id)

    assert pages == [stranger.organisation.id, house.organisation.id, house.organisation.id]


def test_who_belongs_nowhere_is_told_so(house: House) -> None:
    client = house.client()
    Member.objects.filter(pk=house.member.pk).delete()

    answer = client.post("/organisation/choose", {"organisation": house.organisation.id})
    own_account = client.get("/accounts/password/change/")

    assert answer.status_code == 403
    assert "belong to no organisation yet" in answer.text
    assert own_account.status_code == 200
