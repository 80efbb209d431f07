"""What ``packwitness hub check`` looks at: whether this hub can do its work here."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from packwitness.hub.config.environment import Environment
from packwitness.hub.tenants.models import Organisation


@dataclass(frozen=True)
class Finding:
    """One line of the report; ``advice`` says what to do."""

    state: Literal["ok", "warning", "error"]
    words: str
    advice: str = ""


def examine(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a finding for everything looked at."""
    for look in (_code, _database, _folders, _addresses, _messages):
        yield from look()
    for name in Environment.unknown(environ):
        yield Finding(
            "warning", f"{name} is no setting of the hub.", "See docs/guides/hub.md for their names."
        )


def pending_migrations() -> list[str]:
    """Return the names of migrations that are not applied.

    Raises:
        DatabaseError: the database does not answer.
    """
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _code() -> Iterator[Finding]:
    serious = [message for message in checks.run_checks() if message.is_serious()]
    for message in serious:
        yield Finding("error", str(message.msg), str(message.hint or ""))
    if not serious:
        yield Finding("ok", "The settings fit together.")


def _database() -> Iterator[Finding]:
    try:
        pending = pending_migrations()
    except DatabaseError as error:
        yield Finding("error", f"The database does not answer: {error}", "Is PACKWITNESS_DATABASE_URL right?")
        return
    yield Finding("ok", f"The database answers ({connection.vendor}).")
    if pending:
        words = f"{len(pending)} migrations are missing."
        yield Finding("error", words, "Run `packwitness hub migrate`.")
    elif not Organisation.objects.exists():
        yield Finding("warning", "There is no organisation yet.", "Run `packwitness hub setup`.")


def _folders() -> Iterator[Finding]:
    for name, folder in (("data", settings.DATA_DIR), ("keys", settings.KEYS_DIR)):
        if not os.access(folder, os.W_OK):
            yield Finding(
                "error", f"The {name} folder {folder} cannot be written.", "Whose is it? See `ls -ld`."
            )
            continue
        yield Finding("ok", f"The {name} folder is {folder}.")
    for key in settings.KEYS_DIR.glob("*"):
        if stat.S_IMODE(key.stat().st_mode) & 0o077:
            yield Finding("error", f"Others can read {key}.", f"Run `chmod 600 {key}`.")


def _addresses() -> Iterator[Finding]:
    if settings.BASE_URL.startswith("https://"):
        yield Finding("ok", f"The hub is reached at {settings.BASE_URL}.")
        if not settings.TRUSTED_PROXIES:
            advice = "Set PACKWITNESS_TRUSTED_PROXIES=1 behind a reverse proxy."
            yield Finding("warning", "The hub does not speak https itself and trusts no proxy.", advice)
    elif settings.PACKWITNESS.local:
        advice = "Set PACKWITNESS_BASE_URL to the address that stations and buyers use."
        yield Finding("warning", f"Only this machine can reach {settings.BASE_URL}.", advice)
    else:
        advice = "Put a reverse proxy with a certificate before the hub; passkeys and copying need https."
        yield Finding("warning", f"{settings.BASE_URL} is not encrypted.", advice)


def _messages() -> Iterator[Finding]:
    if settings.SMTP_CONFIGURED:
        yield Finding("ok", "Messages are sent by the mail server in PACKWITNESS_SMTP_URL.")
    else:
        yield Finding(
            "warning", "No mail server is set, so buyers get no message.", "Set PACKWITNESS_SMTP_URL."
        )
    if not settings.TSA_URL:
        advice = "Set PACKWITNESS_TSA_URL to an RFC 3161 authority."
        yield Finding("warning", "No time-stamping authority is set: times are the stations' word.", advice)
