"""Tokens: nothing to steal, nothing to guess, and a closed link says so only to who once had it."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from packwitness.hub.audit.models import Entry
from packwitness.hub.links import operations, queries, token
from packwitness.hub.links.models import Link
from packwitness.hub.links.queries import Closed, Opened
from packwitness.hub.recordings.models import Recording
from packwitness.hub.scope.scope import Actor, Scope
from tests.hub.conftest import NOW, House

SECRET = b"a secret"


def recording_of(house: House) -> Recording:
    return Recording.objects.create(
        organisation=house.organisation, created_at=NOW, code="6012", code_key="6012", filmed_at=NOW
    )


def token_of(link: Link) -> str:
    return queries.address(link).rpartition("/")[2]


def test_a_token_opens_its_link_and_no_other() -> None:
    first, second = token.make("aaaaaaaaaaaa", secret=SECRET), token.make("bbbbbbbbbbbb", secret=SECRET)

    assert token.link_id(first, secret=SECRET) == "aaaaaaaaaaaa"
    assert token.link_id(first.replace("aaaaaaaaaaaa", "bbbbbbbbbbbb"), secret=SECRET) is None
    assert first[13:] != second[13:]


@pytest.mark.parametrize(
    "given",
    ["", "aaaaaaaaaaaa", "aaaaaaaaaaaa-", "a" * 5000, "aaaaaaaaaaaa-" + "A" * 22, "../../etc/passwd", "ä-ö"],
)
def test_what_is_no_token_opens_nothing(given: str) -> None:
    assert token.link_id(given, secret=SECRET) is None


def test_every_changed_character_closes_it() -> None:
    good = token.make("aaaaaaaaaaaa", secret=SECRET)
    # The last character carries two bits that are not the hash's; changing them must close it as well.
    changed = {
        good[:at] + other + good[at + 1 :]
        for at in range(len(good))
        for other in "abAB-_"
        if other != good[at]
    }

    assert [one for one in changed if token.link_id(one, secret=SECRET)] == []


def test_another_secret_opens_nothing() -> None:
    assert token.link_id(token.make("aaaaaaaaaaaa", secret=SECRET), secret=b"another") is None


def test_a_link_opens_for_ninety_days(house: House) -> None:
    link = operations.mint_link(scope=house.scope, recording=recording_of(house).id, at=NOW)
    given = token_of(link)
    last = NOW + timedelta(days=90) - timedelta(seconds=1)

    opened = queries.resolve(given, at=last)

    assert isinstance(opened, Opened)
    assert opened.scope == Scope(
        organisation_id=house.organisation.id,
        actor=Actor(kind="link", id=link.id, name=f"link {link.id}"),
        role="viewer",
    )
    assert queries.resolve(given, at=NOW + timedelta(days=90)) == Closed.EXPIRED


def test_a_closed_link_stays_closed(house: House) -> None:
    link = operations.mint_link(scope=house.scope, recording=recording_of(house).id, at=NOW)

    first = operations.revoke_link(scope=house.scope, link=link.id, at=NOW)
    again = operations.revoke_link(scope=house.scope, link=link.id, at=NOW + timedelta(days=1))

    assert (first.revoked_at, again.revoked_at) == (NOW, NOW)
    assert queries.resolve(token_of(link), at=NOW) == Closed.REVOKED
    assert Entry.objects.filter(action="link.revoked").count() == 1


def test_a_token_of_a_link_that_was_never_made(db: None) -> None:
    # The right secret over an id that is in no row: a copied database does not open what it does not hold.
    from django.conf import settings

    given = token.make("aaaaaaaaaaaa", secret=settings.SECRET_KEY.encode())

    assert queries.resolve(given, at=NOW) == Closed.UNKNOWN


def test_the_row_holds_nothing_of_the_token(house: House) -> None:
    link = operations.mint_link(scope=house.scope, recording=recording_of(house).id, at=NOW)
    secret_part = token_of(link).partition("-")[2]

    assert all(secret_part not in str(value) for value in Link.objects.values_list()[0])


def test_walls(house: House, stranger: House) -> None:
    recording = recording_of(house)
    link = operations.mint_link(scope=house.scope, recording=recording.id, at=NOW)

    with pytest.raises(Http404):
        operations.mint_link(scope=stranger.scope, recording=recording.id, at=NOW)
    with pytest.raises(Http404):
        operations.revoke_link(scope=stranger.scope, link=link.id, at=NOW)
    assert queries.links_of(scope=stranger.scope, recording=recording.id) == []


def test_a_viewer_hands_nothing_out(house: House) -> None:
    viewer = Scope(organisation_id=house.organisation.id, actor=house.scope.actor, role="viewer")

    with pytest.raises(PermissionDenied):
        operations.mint_link(scope=viewer, recording=recording_of(house).id, at=NOW)


def test_views_are_counted_and_addresses_not_kept(house: House) -> None:
    recording = recording_of(house)
    link = operations.mint_link(scope=house.scope, recording=recording.id, at=NOW)
    other = operations.mint_link(scope=house.scope, recording=recording.id, at=NOW + timedelta(seconds=1))
    for minute in (1, 2):
        operations.record_view(
            link=link, address="203.0.113.9", agent="Safari", at=NOW + timedelta(minutes=minute)
        )

    handed = queries.links_of(scope=house.scope, recording=recording.id)
    views = queries.views_of(scope=house.scope, link=link.id)

    assert [(one.link, one.views, one.last_view) for one in handed] == [
        (other, 0, None),
        (link, 2, NOW + timedelta(minutes=2)),
    ]
    assert len({view.viewer for view in views}) == 1
    assert "203.0.113.9" not in str([list(vars(view).values()) for view in views])
