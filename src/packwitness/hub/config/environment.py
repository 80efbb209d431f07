"""The hub's settings as a person gives them: ``PACKWITNESS_…`` environment variables, read once, checked at
once.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

PREFIX = "PACKWITNESS_"


class SettingsError(Exception):
    """A setting is wrong. The text names the variable, what was wrong and what is expected."""


def _url(schemes: tuple[str, ...]) -> AfterValidator:
    """Accept a URL with one of ``schemes``, or nothing."""

    def check(value: str) -> str:
        if value and urlsplit(value).scheme not in schemes:
            raise ValueError("must begin with " + " or ".join(f"{scheme}://" for scheme in schemes))
        return value

    return AfterValidator(check)


class Environment(BaseModel):
    """Everything an operator can set. Each is documented in ``docs/guides/hub.md``; a test holds that."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Annotated[Path, Field(description="Folder of the database, keys and films")] = Path(
        "packwitness-data/hub"
    )
    base_url: Annotated[
        str,
        _url(("http", "https")),
        Field(description="Address under which people and stations reach the hub"),
    ] = "http://127.0.0.1:8700"
    allowed_hosts: Annotated[str, Field(description="Further host names the hub answers to, by comma")] = ""
    trusted_proxies: Annotated[
        int, Field(ge=0, le=5, description="How many reverse proxies of yours stand before the hub")
    ] = 0
    database_url: Annotated[
        str,
        _url(("postgresql", "postgres")),
        Field(description="PostgreSQL to use instead of SQLite in the data folder"),
    ] = ""
    vault_url: Annotated[str, _url(("file",)), Field(description="Where films are kept")] = ""
    smtp_url: Annotated[
        str, _url(("smtp", "smtps")), Field(description="Mail server for messages to buyers")
    ] = ""
    mail_from: Annotated[str, Field(description="Sender address of messages")] = ""
    tsa_url: Annotated[
        str,
        _url(("http", "https")),
        Field(description="RFC 3161 time-stamping authority for log checkpoints"),
    ] = ""
    tsa_roots: Annotated[
        Path | None, Field(description="PEM file with the root certificates of that authority")
    ] = None
    task_lock_seconds: Annotated[
        int,
        Field(ge=2, le=3600, description="After how long a task of a vanished worker is handed to another"),
    ] = 30
    task_threads: Annotated[int, Field(ge=1, le=64, description="Background tasks done at once")] = 2
    conversions: Annotated[
        int,
        Field(ge=0, le=16, description="Films converted for browsers at once, in the background; 0: none"),
    ] = 1
    log_format: Annotated[
        str, Field(pattern="^(text|json)$", description="Log lines for people (text) or for machines (json)")
    ] = "text"
    log_level: Annotated[
        str, Field(pattern="^(debug|info|warning|error)$", description="The least that is logged")
    ] = "info"

    @field_validator("base_url")
    @classmethod
    def _bare_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if not parts.hostname or parts.path.strip("/") or parts.query or parts.username:
            raise ValueError("must be a bare address such as https://films.example.com, without a path")
        return value.rstrip("/")

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Environment":
        """Read the settings from environment variables; an empty variable counts as not set.

        Raises:
            SettingsError: a value cannot be used; every wrong one is named.
        """
        given = {
            name: environ[PREFIX + name.upper()]
            for name in cls.model_fields
            if environ.get(PREFIX + name.upper(), "") != ""
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            lines = [
                f"{PREFIX}{str(fault['loc'][0]).upper()}: {fault['msg'].removeprefix('Value error, ')}"
                for fault in error.errors()
            ]
            raise SettingsError("\n".join(lines)) from None

    @classmethod
    def unknown(cls, environ: Mapping[str, str]) -> list[str]:
        """Return variables that look like settings of the hub and are none: mostly spelling mistakes."""
        known = {PREFIX + name.upper() for name in cls.model_fields}
        others = ("PACKWITNESS_STATION_", "PACKWITNESS_TEST_", "PACKWITNESS_DEMO_")
        return sorted(
            name
            for name in environ
            if name.startswith(PREFIX) and name not in known and not name.startswith(others)
        )

    @property
    def host(self) -> str:
        """The host name in ``base_url``."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def port(self) -> int:
        """The port in ``base_url``, or its scheme's own."""
        return urlsplit(self.base_url).port or (443 if self.secure else 80)

    @property
    def local(self) -> bool:
        """Whether ``base_url`` leads to this machine alone."""
        return self.host in ("127.0.0.1", "localhost", "::1")

    @property
    def secure(self) -> bool:
        """Whether people reach the hub by https."""
        return self.base_url.startswith("https://")

    @property
    def hosts(self) -> list[str]:
        """All host names the hub answers to."""
        further = [name.strip() for name in self.allowed_hosts.split(",") if name.strip()]
        return list(dict.fromkeys([self.host, "127.0.0.1", "localhost", "[::1]", *further]))


def secret_key(path: Path) -> str:
    """Return the secret in ``path``; made on the first call, mode 0600, so that sessions and links outlive a
    restart.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with path.open("x") as new:
            path.chmod(0o600)
            new.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    key = path.read_text().strip()
    if len(key) < 32:
        raise SettingsError(
            f"{path} holds no usable secret. If the hub was never started with it, delete the file; "
            "otherwise bring it back from a back-up: with another secret every watch link and session ends."
        )
    return key


def sqlite(path: Path) -> dict[str, Any]:
    """Return Django's settings for SQLite: WAL, and durable once acknowledged (synchronous=FULL)."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            # Longer than the longest transaction, a large import of orders.
            "timeout": 60,
            # A transaction waits for the write lock at its start, instead of failing in the middle.
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;",
        },
    }


def postgresql(url: str) -> dict[str, Any]:
    """Return Django's settings for ``postgresql://user:password@host:port/name?option=value``.

    ``?host=/folder`` names a Unix socket, as libpq does; other options are handed to psycopg.
    """
    parts = urlsplit(url)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", "") or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


def mailer(url: str) -> dict[str, Any]:
    """Return Django's ``MAILERS`` entry for ``smtp://user:password@host:port`` (``smtps``: TLS from the
    start).

    ``smtp`` upgrades by STARTTLS when a user is given, unless ``?tls=no``. Without a URL, mail is written to
    the log.
    """
    if not url:
        return {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = urlsplit(url)
    implicit = parts.scheme == "smtps"
    wanted = dict(parse_qsl(parts.query)).get("tls", "yes" if parts.username else "no") != "no"
    return {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": parts.hostname or "",
            "port": parts.port or (465 if implicit else 587),
            "username": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "use_ssl": implicit,
            "use_tls": wanted and not implicit,
            "timeout": 20,
        },
    }
