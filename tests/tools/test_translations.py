import gettext
from pathlib import Path

import pytest

from tools import translations

PAGE = """{% load i18n %}<p>{% translate "Parcel" %}</p>
        {% blocktranslate trimmed count n=parcels|length %}
      One parcel
      of <b>yours</b>
   {% plural %}
      {{ n }} parcels
   {% endblocktranslate %}
  {% translate "Open" context "door" %} it's ( [ { "odd
"""
KIOSK = """{% trans trimmed n=things|length %}
   One
   thing
{% pluralize %}{{ n }} things{% endtrans %} {{ pgettext("state", "Ready") }}
"""
PYTHON = """from django.utils.translation import gettext_lazy as _, ngettext_lazy
title = _("Parcel")
rest = ngettext_lazy("%(n)s second left", "%(n)s seconds left", "n")
joined = _(f"never {title}")
"""
KOREAN = {
    "Parcel": "소포",
    "One parcel of <b>yours</b>": "소포 %(n)s개",
    "Open": "열기",
    "%(n)s second left": "%(n)s초 남음",
    "One thing": "물건 %(n)s개",
    "Ready": "준비됨",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one hub template, one hub module and one kiosk template."""
    package = tmp_path / "src" / "packwitness"
    for place, text in {
        "hub/watch/templates/watch/page.html": PAGE,
        "hub/watch/views.py": PYTHON,
        "hub/watch/static/page.html": '{% translate "not a template" %}',
        "station/kiosk/templates/kiosk.html": KIOSK,
    }.items():
        (package / place).parent.mkdir(parents=True, exist_ok=True)
        (package / place).write_text(text)
    return tmp_path


def po(root: Path, domain: str) -> Path:
    part = {"django": "hub", "kiosk": "station/kiosk"}[domain]
    return root / "src" / "packwitness" / part / "locale" / "ko" / "LC_MESSAGES" / f"{domain}.po"


def translate(path: Path) -> None:
    """Fill in the translations of KOREAN, as a translator would with an editor."""
    lines, current = [], ""
    for line in path.read_text().splitlines():
        if line.startswith("msgid "):
            current = line.removeprefix("msgid ").strip('"')
        if line in ('msgstr ""', 'msgstr[0] ""') and current:
            line = line.replace('""', f'"{KOREAN[current]}"')
        lines.append(line)
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def translated(root: Path) -> Path:
    translations.extract_all(root)
    for domain in ("django", "kiosk"):
        translate(po(root, domain))
    translations.compile_all(root)
    return root


def faults(root: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What `check` lists, without the paths; its exit code has to agree."""
    capsys.readouterr()
    code = translations.main(["check", "--root", str(root)])
    lines = capsys.readouterr().out.splitlines()
    found = [line.split(": ", 1)[1] for line in lines[:-1]]
    assert code == (1 if found else 0)
    return found


def test_everything_in_the_source_is_collected(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    translations.extract_all(root)
    translations.compile_all(root)

    assert faults(root, capsys) == [
        '"Parcel" is not translated; it stands in watch/templates/watch/page.html, watch/views.py',
        '"One parcel of <b>yours</b>" is not translated; it stands in watch/templates/watch/page.html',
        "\"Open\" (context 'door') is not translated; it stands in watch/templates/watch/page.html",
        '"%(n)s second left" is not translated; it stands in watch/views.py',
        '"One thing" is not translated; it stands in kiosk/templates/kiosk.html',
        "\"Ready\" (context 'state') is not translated; it stands in kiosk/templates/kiosk.html",
    ]


def test_complete_translations_pass(translated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert faults(translated, capsys) == []


def test_what_is_compiled_is_what_the_programs_read(translated: Path) -> None:
    with po(translated, "django").with_suffix(".mo").open("rb") as file:
        korean = gettext.GNUTranslations(file)

    assert korean.gettext("Parcel") == "소포"
    assert korean.pgettext("door", "Open") == "열기"
    assert korean.gettext("Open") == "Open"
    assert korean.ngettext("%(n)s second left", "%(n)s seconds left", 1) == "%(n)s초 남음"


def test_a_second_run_changes_nothing(translated: Path) -> None:
    files = {path: path.read_bytes() for path in translated.rglob("*.[pm]o")}
    translations.extract_all(translated)
    translations.compile_all(translated)

    assert len(files) == 4
    assert {path: path.read_bytes() for path in translated.rglob("*.[pm]o")} == files


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("소포", "우편", "not what the .po file says"),
        ('msgstr "소포"', 'msgstr ""', '"Parcel" is not translated'),
        ('msgid "Parcel"', '#, fuzzy\nmsgid "Parcel"', '"Parcel" is fuzzy'),
        ('msgid "Parcel"', 'msgid "Package"', '"Package" is no longer in the source'),
        ("%(n)s초", "몇 초", '"%(n)s second left": has no placeholder where the source has %(n)s'),
        ("소포 %(n)s개", "소포 %(m)s개", "has %(m)s where the source has %(n)s"),
        ("%(n)s seconds left", "%(n)s secs left", '"%(n)s second left" has another plural'),
    ],
)
def test_each_fault_is_found(
    translated: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, fault: str
) -> None:
    path = po(translated, "django")
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))

    assert any(fault in line for line in faults(translated, capsys))


def test_a_text_that_left_the_source_is_dropped(translated: Path) -> None:
    (translated / "src/packwitness/station/kiosk/templates/kiosk.html").write_text("{{ _('New') }}")
    translations.extract_all(translated)

    text = po(translated, "kiosk").read_text()
    assert 'msgid "New"' in text
    assert "Ready" not in text
