"""The frame of every page: errors, signing in, languages, headers, static files."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django import forms
from django.db import connections
from django.template import Context, Template
from django.test import AsyncClient, Client
from pytest_django import Settings

import packwitness.hub
from packwitness.hub.orders import queries
from packwitness.hub.tenants import queries as tenants
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


def test_an_unknown_address_is_told_to_people_and_programs(client: Client, db: None) -> None:
    page, call = client.get("/nothing"), client.get("/api/v1/nothing")

    assert (page.status_code, "There is nothing here" in page.text) == (404, True)
    assert (call.status_code, call.headers["Content-Type"]) == (404, "application/problem+json")
    assert call.json() == {
        "title": "There is nothing at this address.",
        "status": 404,
        "detail": "There is nothing at this address.",
        "code": "not_found",
        "retry": False,
    }


def test_a_form_without_its_token_is_refused_kindly(house: House) -> None:
    client = Client(enforce_csrf_checks=True)

    answer = client.post("/accounts/login/", {"login": house.member.user.email, "password": PASSWORD})

    assert (answer.status_code, "Load it again" in answer.text) == (403, True)


def test_what_breaks_tells_people_and_programs_what_to_do(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(queries, "search", broken)
    client = house.api()
    client.raise_request_exception = False
    monkeypatch.setattr(tenants, "memberships", broken)
    browser = house.client()
    browser.raise_request_exception = False

    call, page = client.get("/api/v1/orders"), browser.get("/accounts/2fa/")

    assert (call.status_code, call.json()["code"], call.json()["retry"]) == (500, "broken", True)
    assert (page.status_code, "Something broke on our side" in page.text) == (500, True)
    assert "ZeroDivision" not in call.text + page.text


def test_another_language_is_a_press_away(client: Client, db: None) -> None:
    client.post("/language/", {"language": "ko", "next": "/accounts/login/"})
    page = client.get("/accounts/login/")
    by_browser = Client().get("/accounts/login/", headers={"accept-language": "ko-KR,ko;q=0.9"})

    assert '<html lang="ko" dir="ltr">' in page.text
    assert '<html lang="ko"' in by_browser.text


def test_pages_trust_only_what_comes_from_here(client: Client, db: None) -> None:
    answer = client.get("/accounts/login/")
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_no_template_holds_a_script_or_a_style() -> None:
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son[a-z]+=|javascript:",
        re.IGNORECASE,
    )
    rooms = Path(packwitness.hub.__path__[0])
    # Letters go to mail programs, which know nothing else than styles in their elements.
    templates = [path for path in sorted(rooms.rglob("templates/**/*.html")) if "notify" not in path.parts]
    found = [
        f"{path.name}: {match.group()}" for path in templates for match in inline.finditer(path.read_text())
    ]

    assert len(templates) > 20
    assert found == []


def test_static_files_are_kept_for_ever_under_their_digest(client: Client, db: None) -> None:
    page = client.get("/accounts/login/")
    [sheet] = re.findall(r'href="(/static/ui/packwitness\.css\?v=[0-9a-f]{10})"', page.text)

    versioned, bare = client.get(sheet), client.get(sheet.split("?")[0])
    again = client.get(sheet, headers={"if-none-match": versioned.headers["ETag"]})

    assert (versioned.status_code, versioned.headers["Content-Type"]) == (200, 'text/css; charset="utf-8"')
    assert versioned.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert bare.headers["Cache-Control"] == "max-age=300, public"
    assert versioned.content == bare.content
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/static/ui/../../config/settings.py").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_static_files_and_pages_under_asgi(house: House) -> None:
    async def ask() -> list[tuple[int, bytes]]:
        client = AsyncClient()
        await client.aforce_login(house.member.user, "allauth.account.auth_backends.AuthenticationBackend")
        paths = ("/accounts/2fa/", "/static/ui/packwitness.css", "/healthz")
        answers = [await client.get(path) for path in paths]
        # The views ran in a thread of their own, with a connection of its own.
        await sync_to_async(connections.close_all)()
        return [(answer.status_code, answer.content) for answer in answers]

    page, sheet, alive = asyncio.run(ask())

    assert (page[0], sheet[0], alive[0]) == (200, 200, 200)
    assert b"Mugs &amp; Teas" in page[1]
    assert sheet[1].startswith(b"/*")


def test_whether_the_hub_can_work(client: Client, db: None, settings: Settings, tmp_path: Path) -> None:
    ready = client.get("/readyz")
    settings.DATA_DIR = tmp_path / "gone"
    broken = client.get("/readyz")

    assert (ready.status_code, ready.json()) == (200, {"status": "ok"})
    assert (broken.status_code, broken.json()["status"]) == (503, "degraded")
    assert "cannot be written" in broken.json()["data_dir"]


def test_fields_notices_and_times_are_drawn_accessibly() -> None:
    class Order(forms.Form):
        number = forms.CharField(label="Order number", help_text="As the shop writes it.")
        kept = forms.BooleanField(label="Keep", required=False)

    form = Order({"number": ""})
    drawn = Template("{% load ui %}{% fields form %}{% icon 'film' 'Film' %}{% moment at %}").render(
        Context({"form": form, "at": datetime(2026, 11, 22, 10, 0, tzinfo=UTC)})
    )

    assert '<label for="id_number">Order number</label>' in drawn
    assert 'aria-invalid="true"' in drawn
    assert 'aria-describedby="id_number_helptext id_number_error"' in drawn
    assert 'id="id_number_error"' in drawn
    assert '<label class="check"><input type="checkbox"' in drawn
    assert 'role="img" aria-label="Film"' in drawn
    assert 'datetime="2026-11-22T10:00:00.000+00:00"' in drawn
