"""The frame of every page: errors, signing in, languages, headers, static files."""

from django.test import Client

from tests.hub.conftest import PASSWORD, House


def test_who_is_not_signed_in_is_asked_to(client: Client, db: None) -> None:
    answer = client.get("/organisation/choose")

    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        "/accounts/login/?next=/organisation/choose",
    )


def test_signing_in(client: Client, house: House) -> None:
    page = client.get("/accounts/login/")
    wrong = client.post("/accounts/login/", {"login": house.member.user.email, "password": "no"})
    right = client.post("/accounts/login/", {"login": house.member.user.email, "password": PASSWORD})

    assert page.status_code == 200
    assert "Sign in" in page.text
    assert (wrong.status_code, "not correct" in wrong.text) == (200, True)
    assert (right.status_code, right.headers["Location"]) == (302, "/")


def test_nobody_signs_up_by_themselves(client: Client, db: None) -> None:
    page = client.get("/accounts/signup/")

    assert "Accounts are made for you" in page.text


def test_every_page_of_ones_own_account_opens(house: House) -> None:
    client = house.client()
    client.post("/accounts/login/", {"login": house.member.user.email, "password": PASSWORD})
    paths = ["/accounts/2fa/", "/accounts/password/change/", "/accounts/logout/", "/accounts/email/"]

    assert [client.get(path).status_code for path in paths] == [200, 200, 200, 200]
