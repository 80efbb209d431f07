"""``packwitness hub …``: run the hub and do what an operator does.

Django is set up only once a command runs, so that ``--help`` needs no settings and no database.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType

from packwitness.hub.config import processes
from packwitness.hub.config.environment import SettingsError

DEFAULT_SITE = "Main site"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the hub's commands."""
    commands = parser.add_subparsers(dest="hub_command", metavar="COMMAND", required=True)

    def add(name: str, about: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=about, description=about)
        command.set_defaults(hub_run=run)
        return command

    def add_listening(command: argparse.ArgumentParser) -> None:
        command.add_argument(
            "--host", default="127.0.0.1", help="address to listen at (default: %(default)s)"
        )
        command.add_argument("--port", type=int, default=8700, help="port (default: %(default)s; 0: any)")

    everything = add("run", "migrate, then serve pages and do background work until Ctrl-C", _run)
    add_listening(everything)
    everything.add_argument("--workers", type=int, default=1, help="web processes (default: %(default)s)")
    web = add("web", "serve pages and the APIs only", _web)
    add_listening(web)
    web.add_argument("--listening-fd", type=int, help=argparse.SUPPRESS)
    worker = add("worker", "do background work only", _worker)
    for child in (web, worker):
        child.add_argument("--life-line", type=int, help=argparse.SUPPRESS)
    add("migrate", "bring the database's tables up to date", _migrate)
    _configure_setup(add("setup", "make an organisation with its keys, a site and an owner", _setup))
    code = add("enrolment-code", "print a one-time code that makes a machine a station", _enrolment_code)
    code.add_argument("--organisation", default="", help="name or id (needed where there are several)")
    code.add_argument("--site", default="", help="name (needed where there are several)")
    code.add_argument("--station", required=True, help="name of the machine")
    code.add_argument("--bench", required=True, nargs="+", action="extend", help="names of its benches")
    key = add("api-key", "print a new key for the integrators' API", _api_key)
    key.add_argument("--organisation", default="", help="name or id (needed where there are several)")
    key.add_argument("--name", required=True, help="what uses it, such as the shop system")
    add("check", "see whether the hub can do its work here", _check)


def _configure_setup(setup: argparse.ArgumentParser) -> None:
    setup.add_argument("--organisation", required=True, help="its name, as buyers will see it")
    setup.add_argument("--email", required=True, help="the owner's address, to sign in with")
    setup.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    setup.add_argument("--site", default=DEFAULT_SITE, help="name of the first site (default: %(default)s)")
    setup.add_argument("--language", default="en", choices=("en", "ko"), help="default: %(default)s")
    setup.add_argument("--time-zone", default="UTC", help="such as Asia/Seoul (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Run the command asked for; return its exit code (1: it could not be done, and was told why)."""
    try:
        command: Callable[[argparse.Namespace], int] = arguments.hub_run
        return command(arguments)
    except SettingsError as error:
        return _fail(f"The settings cannot be used:\n{error}")
    except KeyboardInterrupt:
        return 130


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _fail(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 1


def _administration() -> ModuleType:
    """Set Django up and return ``config.administration``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "packwitness.hub.config.settings")
    # Importing Django's parts reads the settings, which only a command that runs may ask for.
    import django

    django.setup()
    # Its models exist only from here on.
    from packwitness.hub.config import administration

    return administration


def _run(arguments: argparse.Namespace) -> int:
    administration = _administration()
    # Known only once the settings are read.
    from django.conf import settings

    try:
        sock = processes.listen(arguments.host, arguments.port)
    except OSError as error:
        return _fail(
            f"Cannot listen at {arguments.host}:{arguments.port}: {error.strerror}.\n"
            "Is another hub running? Choose another port with --port."
        )
    administration.migrate()
    host, port = sock.getsockname()[:2]
    _say(f"The hub listens at http://{host}:{port} and keeps its data in {settings.DATA_DIR}")
    if settings.PACKWITNESS.local and settings.PACKWITNESS.port != port:
        _say(f"Links lead to {settings.BASE_URL}: set PACKWITNESS_BASE_URL to change that.")
    if not administration.has_organisation():
        _say(
            "It has no organisation yet. In another terminal, with the same settings, run:\n"
            "  packwitness hub setup --organisation 'My shop' --email you@example.com"
        )
    # The children open connections of their own.
    from django.db import connections

    connections.close_all()
    fd = sock.fileno()
    children = [
        processes.Child(f"web-{number + 1}", ["web", "--listening-fd", str(fd)], pass_fds=(fd,))
        for number in range(max(1, arguments.workers))
    ]
    processes.Supervisor([*children, processes.Child("worker", ["worker"])]).run()
    sock.close()
    _say("The hub has ended.")
    return 0


def _web(arguments: argparse.Namespace) -> int:
    _follow(arguments)
    if arguments.listening_fd is not None:
        # Only a child of the supervisor comes here.
        import socket

        sock = socket.socket(fileno=arguments.listening_fd)
    else:
        try:
            sock = processes.listen(arguments.host, arguments.port)
        except OSError as error:
            return _fail(f"Cannot listen at {arguments.host}:{arguments.port}: {error.strerror}.")
        host, port = sock.getsockname()[:2]
        _say(f"The hub listens at http://{host}:{port}")
    processes.serve(sock)
    return 0


def _worker(arguments: argparse.Namespace) -> int:
    _follow(arguments)
    _administration()
    # Known only once Django is set up.
    from django.conf import settings
    from django.core.management import call_command

    call_command("ox_worker", concurrency=settings.PACKWITNESS.task_threads, interval=0.5, verbosity=0)
    return 0


def _follow(arguments: argparse.Namespace) -> None:
    """End with the supervisor, if there is one."""
    if arguments.life_line is not None:
        processes.end_with(arguments.life_line)


def _migrate(arguments: argparse.Namespace) -> int:
    _administration().migrate()
    _say("The database is up to date.")
    return 0


def _setup(arguments: argparse.Namespace) -> int:
    administration = _administration()
    administration.migrate()
    try:
        known = administration.is_member(organisation=arguments.organisation, email=arguments.email)
        done = administration.set_up(
            organisation=arguments.organisation,
            email=arguments.email,
            password=None if known else _password(arguments.password_stdin),
            site=arguments.site,
            language=arguments.language,
            time_zone=arguments.time_zone,
            at=datetime.now(tz=UTC),
        )
    except (administration.Refused, _NoTerminal) as error:
        return _fail(str(error))
    name = done.organisation.name
    _say(f"The organisation “{name}” is made." if done.created else f"The organisation “{name}” exists.")
    if done.member_created:
        _say(f"{arguments.email} owns it and can sign in.")
    else:
        _say(f"{arguments.email} is a member already; nothing was changed.")
    _say(
        f"Its fingerprint, to publish where buyers and courts can find it:\n  {done.fingerprint}\n"
        "Next, make a machine a station:\n"
        f"  packwitness hub enrolment-code --organisation '{name}' --station 'PC 1' --bench 'Bench 1'"
    )
    return 0


class _NoTerminal(Exception):
    """Nobody can be asked for a password; the text says what to do."""


def _password(from_stdin: bool) -> str:
    """Return the owner's password.

    Raises:
        _NoTerminal: it is to be asked for, and there is nobody.
    """
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise _NoTerminal(
            "There is no terminal to ask for a password at. Give it on standard input with --password-stdin."
        )
    while True:
        first = getpass.getpass("Password (10 characters or more): ")
        if first == getpass.getpass("The same again: "):
            return first
        _say("These differ. Once more.")


def _enrolment_code(arguments: argparse.Namespace) -> int:
    administration = _administration()
    try:
        code, expires = administration.enrolment_code(
            organisation=arguments.organisation,
            site=arguments.site,
            station=arguments.station,
            benches=arguments.bench,
            at=datetime.now(tz=UTC),
        )
    except administration.Refused as error:
        return _fail(str(error))
    _say(code)
    sys.stderr.write(
        f"It works once, until {expires.astimezone():%H:%M}. "
        "On the station's machine: packwitness station enrol HUB_URL CODE\n"
    )
    return 0


def _api_key(arguments: argparse.Namespace) -> int:
    administration = _administration()
    try:
        secret = administration.api_key(
            organisation=arguments.organisation, name=arguments.name, at=datetime.now(tz=UTC)
        )
    except administration.Refused as error:
        return _fail(str(error))
    _say(secret)
    sys.stderr.write("It is shown this once. Send it as “Authorization: Bearer …”.\n")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    _administration()
    # Its models exist only from here on.
    from packwitness.hub.config import condition

    worst = 0
    for finding in condition.examine(os.environ):
        _say(
            f"{finding.state:8} {finding.words}" + (f"\n         {finding.advice}" if finding.advice else "")
        )
        worst = max(worst, finding.state == "error")
    return int(worst)
