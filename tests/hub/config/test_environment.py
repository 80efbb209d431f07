"""What an operator sets: complete in the guide, checked at once, named when wrong."""

import re
import stat
from pathlib import Path

import pytest

from packwitness.hub.config.environment import (
    PREFIX,
    Environment,
    SettingsError,
    mailer,
    postgresql,
    secret_key,
)

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "hub.md"


def test_every_setting_is_in_the_guide_and_no_other() -> None:
    documented = set(re.findall(rf"^\| `({PREFIX}[A-Z_]+)`", GUIDE.read_text(), re.MULTILINE))

    assert documented == {PREFIX + name.upper() for name in Environment.model_fields}


def test_each_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Environment.model_fields.items() if not field.description] == []


def test_nothing_needs_to_be_set() -> None:
    settings = Environment.read({"PACKWITNESS_SMTP_URL": "", "PATH": "/bin"})

    assert (str(settings.data_dir), settings.base_url) == ("packwitness-data/hub", "http://127.0.0.1:8700")
    assert (settings.secure, settings.hosts) == (False, ["127.0.0.1", "localhost", "[::1]"])


def test_what_is_set_is_used() -> None:
    settings = Environment.read(
        {
            "PACKWITNESS_BASE_URL": "https://films.example.com/",
            "PACKWITNESS_ALLOWED_HOSTS": "hub.internal, 10.0.0.5",
            "PACKWITNESS_TASK_THREADS": "4",
        }
    )

    assert (settings.base_url, settings.secure, settings.task_threads) == (
        "https://films.example.com",
        True,
        4,
    )
    assert settings.hosts == [
        "films.example.com",
        "127.0.0.1",
        "localhost",
        "[::1]",
        "hub.internal",
        "10.0.0.5",
    ]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("BASE_URL", "films.example.com", "http:// or https://"),
        ("BASE_URL", "https://example.com/films", "without a path"),
        ("BASE_URL", "https://", "bare address"),
        ("DATABASE_URL", "mysql://x", "postgresql://"),
        ("SMTP_URL", "mail.example.com", "smtp://"),
        ("VAULT_URL", "ftp://x", "file://"),
        ("TASK_THREADS", "many", "integer"),
        ("TASK_LOCK_SECONDS", "0", "greater"),
        ("LOG_FORMAT", "xml", "pattern"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError) as error:
        Environment.read({f"PACKWITNESS_{name}": value})

    assert str(error.value).startswith(f"PACKWITNESS_{name}: ")
    assert words in str(error.value)


def test_every_wrong_one_is_named() -> None:
    with pytest.raises(SettingsError) as error:
        Environment.read({"PACKWITNESS_TASK_THREADS": "x", "PACKWITNESS_LOG_LEVEL": "loud"})

    assert len(str(error.value).splitlines()) == 2


def test_spelling_mistakes_are_found() -> None:
    environ = {
        "PACKWITNESS_BASEURL": "x",
        "PACKWITNESS_DATA_DIR": "x",
        "PACKWITNESS_STATION_DATA": "x",
        "HOME": "/",
    }

    assert Environment.unknown(environ) == ["PACKWITNESS_BASEURL"]


def test_the_secret_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "secret.key"

    first, second = secret_key(path), secret_key(path)

    assert first == second
    assert len(first) >= 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("")
    with pytest.raises(SettingsError, match="back-up"):
        secret_key(path)


def test_addresses_of_databases_and_mail_servers() -> None:
    database = postgresql("postgresql://pack:p%40ss@db:5433/hub?sslmode=require")
    by_socket = postgresql("postgresql://postgres:@/hub?host=/run/pg")
    mail = mailer("smtp://me:p%3Aw@mail.example.com")
    implicit, plain = mailer("smtps://mail"), mailer("smtp://127.0.0.1:1025")

    assert {**database, "ENGINE": ""} == {
        "ENGINE": "",
        "NAME": "hub",
        "USER": "pack",
        "PASSWORD": "p@ss",
        "HOST": "db",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require"},
    }
    assert (by_socket["HOST"], by_socket["NAME"], by_socket["USER"]) == ("/run/pg", "hub", "postgres")
    assert (mail["OPTIONS"]["password"], mail["OPTIONS"]["port"], mail["OPTIONS"]["use_tls"]) == (
        "p:w",
        587,
        True,
    )
    assert (implicit["OPTIONS"]["port"], implicit["OPTIONS"]["use_ssl"]) == (465, True)
    assert (plain["OPTIONS"]["port"], plain["OPTIONS"]["use_tls"]) == (1025, False)


def test_a_bucket_is_read_at_once_and_what_cannot_be_meant_is_named() -> None:
    url = "s3://films/hub?endpoint=http://10.0.0.5:8333"
    settings = Environment.read({"PACKWITNESS_VAULT_URL": url, "PACKWITNESS_DIRECT_UPLOAD": "yes"})
    assert (settings.vault_url, settings.direct_upload) == (url, True)
    assert Environment.read({"PACKWITNESS_VAULT_URL": url}).direct_upload is False

    with pytest.raises(SettingsError, match=r"PACKWITNESS_VAULT_URL: has no option regoin"):
        Environment.read({"PACKWITNESS_VAULT_URL": "s3://films?regoin=eu"})
    for folder in ("", "file:///films"):
        with pytest.raises(SettingsError, match=r"PACKWITNESS_DIRECT_UPLOAD: needs films in S3"):
            Environment.read({"PACKWITNESS_DIRECT_UPLOAD": "yes", "PACKWITNESS_VAULT_URL": folder})
