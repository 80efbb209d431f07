"""What ``packwitness hub check`` looks at: whether this hub can do its work here."""

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import httpx2
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from packwitness.hub.config.environment import Environment
from packwitness.hub.tenants.models import Organisation
from packwitness.hub.vault.interface import Vault, VaultConflict, VaultError
from packwitness.hub.vault.store import vault


@dataclass(frozen=True)
class Finding:
    """One line of the report; ``advice`` says what to do."""

    state: Literal["ok", "warning", "error"]
    words: str
    advice: str = ""


def examine(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a finding for everything looked at."""
    for look in (_code, _database, _folders, _store, _addresses, _messages):
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


def _store() -> Iterator[Finding]:
    """Do with one small object all that is asked of a store."""
    where = settings.VAULT_URL
    try:
        yield from _tried(vault(), f"check/{secrets.token_hex(8)}")
    except (VaultError, ImproperlyConfigured, OSError) as error:
        yield Finding("error", f"Films cannot be kept at {where}: {error}", "Is PACKWITNESS_VAULT_URL right?")


def _tried(store: Vault, key: str) -> Iterator[Finding]:
    data = key.encode()
    digest = hashlib.sha256(data).digest()
    store.put(key, data, sha256=digest)
    try:
        with store.open(key) as file:
            right = file.read() == data and store.holds(key, size=len(data), sha256=digest)
        try:
            store.put(key, b"other", sha256=hashlib.sha256(b"other").digest())
            right = False
        except VaultConflict:
            pass
    finally:
        store.delete(key)
    if not right:
        yield Finding(
            "error",
            f"The store at {settings.VAULT_URL} does not keep what it was given, or lets it be overwritten.",
            "Use one that honours If-None-Match.",
        )
        return
    yield Finding("ok", f"Films are kept at {settings.VAULT_URL}.")
    if settings.DIRECT_UPLOAD:
        yield _ticket_tried(store, key)


def _ticket_tried(store: Vault, key: str) -> Finding:
    """Try to bring other bytes in with a ticket, as a station that lies would."""
    data, other = b"a part of a film", b"b part of a film"
    ticket = store.ticket(key, size=len(data), sha256=hashlib.sha256(data).digest(), seconds=60)
    if ticket is None:
        return Finding(
            "error", "The store takes no parts from stations.", "Set PACKWITNESS_DIRECT_UPLOAD=no."
        )
    host = urlsplit(ticket.url).netloc
    try:
        lied = httpx2.put(ticket.url, content=other, headers=ticket.headers, timeout=10).status_code
        told = httpx2.put(ticket.url, content=data, headers=ticket.headers, timeout=10).status_code
    except httpx2.HTTPError as error:
        words = f"The store, as stations reach it, was not reached from here at {host}: {error}"
        return Finding("warning", words, "Stations that do not reach it either send their parts to the hub.")
    finally:
        store.delete(key)
    # First: where the lie lies, the name is taken, and the true bytes are refused for that.
    if 200 <= lied < 300:
        words = f"The store at {host} does not compare digests: anything could be put."
        return Finding("error", words, "Set PACKWITNESS_DIRECT_UPLOAD=no.")
    if not 200 <= told < 300:
        words = f"The store at {host} refuses what stations may put (status {told})."
        return Finding("error", words, "Has it another address? See public= in docs/guides/hub.md.")
    return Finding("ok", f"Stations may send parts straight to {host}.")


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
