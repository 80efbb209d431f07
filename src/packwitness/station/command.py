"""``packwitness station enrol | cameras | doctor | run | status | check | retry``: parses, makes one call,
prints.
"""

import argparse
import asyncio
import getpass
import json
import os
import sqlite3
import sys
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from packwitness.evidence.keys import SigningKey
from packwitness.station.app import enrolment
from packwitness.station.app.lock import StationInUse, only_one
from packwitness.station.app.status import describe
from packwitness.station.config import SettingsError, cameras_from_words, read_settings, with_options
from packwitness.station.spool import check
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger, LedgerError
from packwitness.station.spool.moments import to_ms
from packwitness.station.spool.outgoing import Outgoing

DATA_VARIABLE = "PACKWITNESS_STATION_DATA"
PASSWORD_VARIABLE = "PACKWITNESS_CAMERA_PASSWORD"  # noqa: S105 - the name of one, not a password
DEFAULT_DATA = "packwitness-data/station"
FAILED = 1
USAGE = 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``packwitness station``."""
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    enrol = commands.add_parser("enrol", help="make this machine a station of a hub")
    enrol.add_argument(
        "hub_url", metavar="HUB_URL", help="the hub's address, such as https://hub.example.com"
    )
    enrol.add_argument("code", metavar="CODE", help="the one-time code that the hub shows under Benches")
    enrol.add_argument("--insecure", action="store_true", help="allow http:// to another machine")

    run_ = commands.add_parser("run", help="film, until Ctrl-C or SIGTERM")
    run_.add_argument(
        "--camera",
        action="append",
        default=[],
        metavar="[NAME=]URL",
        help="rtsp://…, file:… or scene:… in place of station.toml's; first is 'overhead', second 'label'",
    )
    run_.add_argument("--logic", help="recording logic: laid-lifted, scan-rescan, scan-next")
    run_.add_argument(
        "--pre-roll", type=float, metavar="SECONDS", help="film from before the scan (default 3)"
    )
    run_.add_argument(
        "--kiosk-port", type=int, metavar="PORT", help="the kiosk's port (default 8750; 0: any)"
    )

    check_ = commands.add_parser("check", help="compare the ledger with what lies on the disk")
    check_.add_argument("--hash", action="store_true", help="read every film, too")
    check_.add_argument(
        "--repair", action="store_true", help="delete leftovers, set damaged takes aside; no station may run"
    )
    check_.add_argument("--json", action="store_true", help="print what was found as JSON")

    commands.add_parser("status", help="what is filmed, waiting and safe")
    commands.add_parser("retry", help="send again what was set aside for a person")
    _configure_cameras(commands.add_parser("cameras", help="find ONVIF cameras and say what they can"))
    doctor = commands.add_parser("doctor", help="try cameras, disk, clock, hub and scanner, a line each")
    doctor.add_argument("--json", action="store_true", help="print what was found as JSON")
    doctor.add_argument(
        "--scan", type=float, metavar="SECONDS", help="wait so long for a scan at this terminal, too"
    )
    for command in commands.choices.values():
        command.add_argument(
            "--data",
            type=Path,
            default=Path(os.environ.get(DATA_VARIABLE, DEFAULT_DATA)),
            metavar="DIR",
            help=f"the station's folder (default: ${DATA_VARIABLE} or {DEFAULT_DATA})",
        )


def _configure_cameras(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "address",
        nargs="*",
        metavar="ADDRESS",
        help="ask only these, such as 192.168.1.20 or 192.168.1.20:8080; they may lie behind a router",
    )
    parser.add_argument(
        "--user",
        default="",
        help=f"the user of the cameras at ADDRESS; the password is asked for, or in ${PASSWORD_VARIABLE}",
    )
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE", help="read the password from a file's first line"
    )
    parser.add_argument(
        "--seconds", type=float, default=3.0, metavar="N", help="wait so long for answers (default 3)"
    )
    parser.add_argument("--bench", help="the bench that the cameras are for, where there are several")
    parser.add_argument("--snippet", action="store_true", help="print lines for station.toml, no password")
    parser.add_argument("--write", action="store_true", help="add new ones to station.toml, with password")


def run(arguments: argparse.Namespace) -> int:
    """Carry out one action and return the exit code: 0 done, 1 it cannot be done now, 2 it cannot be meant
    so.
    """
    action = {
        "enrol": _enrol,
        "run": _run,
        "status": _status,
        "check": _check,
        "retry": _retry,
        "cameras": _cameras,
        "doctor": _doctor,
    }[arguments.action]
    try:
        return action(arguments, Layout(arguments.data.absolute()))
    except SettingsError as error:
        return _complain(error, USAGE)
    except sqlite3.Error as error:
        return _complain(
            f"The ledger in {arguments.data} cannot be used now: {error}. If the disk is full, "
            "make room on it, but not in the station's folder. Then try again; "
            "nothing that was filmed is lost.",
            FAILED,
        )
    except (LedgerError, StationInUse, enrolment.EnrolmentFailed) as error:
        return _complain(error, FAILED)


def _enrol(arguments: argparse.Namespace, layout: Layout) -> int:
    if arguments.insecure:
        _say("Warning: with http:// films and this station's token travel in the clear.", to=sys.stderr)
    answer = asyncio.run(
        enrolment.enrol(
            root=layout.root,
            url=arguments.hub_url,
            code=arguments.code.strip(),
            insecure=arguments.insecure,
            utc_ms=to_ms(datetime.now(UTC)),
        )
    )
    benches = ", ".join(bench.name for bench in answer.benches)
    _say(f"This machine is now '{answer.station_name}' of {answer.organisation_name}, for {benches}.")
    _say(f"Name its cameras in {layout.settings} (packwitness station cameras --write finds them), then:")
    _say(f"packwitness station run --data {layout.root}")
    return 0


def _run(arguments: argparse.Namespace, layout: Layout) -> int:
    settings = with_options(
        read_settings(layout.settings),
        cameras=cameras_from_words(arguments.camera),
        logic=arguments.logic,
        pre_roll_s=arguments.pre_roll,
        kiosk_port=arguments.kiosk_port,
    )
    # Cameras, codecs and the web server take a second to load, and only this action needs them.
    from packwitness.station.app import logs
    from packwitness.station.app.station import run as run_station
    from packwitness.station.cameras.camera import BadAddress
    from packwitness.station.cameras.kinds import open_camera

    for camera in settings.cameras:
        try:
            open_camera(camera.url)
            if camera.look_url:
                open_camera(camera.look_url)
        except BadAddress as error:
            return _complain(f"camera {camera.id}: {error}", USAGE)
    logs.set_up(settings.log)
    try:
        asyncio.run(run_station(settings, layout, ready=lambda url: _say(f"Kiosk: {url}")))
    except OSError as error:
        return _complain(f"The station cannot run: {error}", FAILED)
    return 0


def _status(arguments: argparse.Namespace, layout: Layout) -> int:
    settings = read_settings(layout.settings)
    ledger = Ledger(layout.ledger)
    try:
        _say(describe(settings, layout, Outgoing(ledger)))
    finally:
        ledger.close()
    return 0


def _check(arguments: argparse.Namespace, layout: Layout) -> int:
    settings = read_settings(layout.settings)
    key = SigningKey.load(layout.key.read_bytes()).public.key_id
    ledger = Ledger(layout.ledger)
    try:
        # Held from the first look to the last repair, so that no station begins in between.
        with only_one(layout) if arguments.repair else nullcontext():
            benches = [bench.id for bench in settings.benches]
            found = list(check.examine(ledger, layout, benches=benches, key=key, hashing=arguments.hash))
            if arguments.json:
                _say(
                    json.dumps(
                        [{**asdict(one), "words": one.words} for one in found], ensure_ascii=False, indent=2
                    )
                )
            else:
                _say("\n".join(one.words for one in found) or "The ledger and what lies on the disk agree.")
            if arguments.repair:
                done = check.repair(ledger, layout, found)
                _say(
                    f"{done.deleted} leftovers deleted, {len(done.moved)} moved to set-aside/, "
                    f"{len(done.troubled)} takes set aside for a person.",
                    to=sys.stderr,
                )
    finally:
        ledger.close()
    return FAILED if found else 0


def _retry(arguments: argparse.Namespace, layout: Layout) -> int:
    ledger = Ledger(layout.ledger)
    try:
        _say(f"{Outgoing(ledger).retry()} takes are sent again.")
    finally:
        ledger.close()
    return 0


def _cameras(arguments: argparse.Namespace, layout: Layout) -> int:
    # The HTTP client takes its time to load, and only this action needs it.
    from packwitness.station.app import finding
    from packwitness.station.cameras.onvif import Login

    if arguments.user and not arguments.address:
        raise SettingsError(
            "Name the addresses of the cameras to log in to: packwitness station cameras ADDRESS --user NAME."
            " Without one, strangers could answer and guess the password from what they are asked with. "
            "packwitness station cameras alone shows who answers."
        )
    settings = read_settings(layout.settings) if layout.settings.exists() or arguments.write else None
    benches = [bench.id for bench in settings.benches] if settings else []
    bench = arguments.bench
    if settings and bench is not None and bench not in benches:
        raise SettingsError(f"There is no bench {bench}; there are: {', '.join(benches)}.")
    if bench is None and len(benches) > 1 and (arguments.write or arguments.snippet):
        raise SettingsError(f"Say for which bench the cameras are: --bench {' or '.join(benches)}.")
    login = Login(arguments.user, _password(arguments) if arguments.user else "")
    found = finding.find(arguments.address, login, seconds=min(60.0, max(0.1, arguments.seconds)))
    if not found:
        return _complain(
            "No camera answered. Is ONVIF switched on in it? Behind a router name it: "
            "packwitness station cameras ADDRESS",
            FAILED,
        )
    _say(finding.describe(found, settings))
    shown = Login(login.user, finding.HIDDEN)
    text, ids = finding.snippet(found, shown if login.user else login, settings=settings, bench=bench)
    if arguments.snippet and text:
        _say(text.rstrip())
    if arguments.write and ids:
        text, ids = finding.snippet(found, login, settings=settings, bench=bench)
        finding.write(layout.settings, text)
        _say(f"\nWritten into {layout.settings}: {', '.join(ids)}. Then: packwitness station doctor")
    return FAILED if all(one.trouble for one in found) else 0


def _doctor(arguments: argparse.Namespace, layout: Layout) -> int:
    # Cameras and decoders take a second to load, and only this action needs them.
    from packwitness.station.app.doctor import scanner
    from packwitness.station.app.doctor.examine import examine
    from packwitness.station.app.doctor.verdict import fail, fails

    try:
        settings = read_settings(layout.settings)
    except SettingsError as error:
        found = [fail("configuration", str(error), "Nothing else can be tried before that is mended.")]
    else:
        found = asyncio.run(examine(settings, layout))
    if arguments.scan is not None:
        _say(f"Scan a label within {arguments.scan:g} s.", to=sys.stderr)
        found.append(scanner.scan_here(arguments.scan))
    if arguments.json:
        _say(json.dumps([one.to_value() for one in found], ensure_ascii=False, indent=2))
    else:
        _say("\n".join(one.line for one in found))
    return FAILED if fails(found) else 0


def _password(arguments: argparse.Namespace) -> str:
    """Where no other user of this machine reads it: a file, the environment, or typed unseen."""
    if arguments.password_file is not None:
        try:
            lines = arguments.password_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{arguments.password_file} cannot be read: {error}") from error
        return lines[0] if lines else ""
    if (told := os.environ.get(PASSWORD_VARIABLE)) is not None:
        return told
    if not sys.stdin.isatty():
        raise SettingsError(f"Give the password in ${PASSWORD_VARIABLE} or by --password-file.")
    return getpass.getpass(f"Password of {arguments.user}: ")


def _complain(error: Exception | str, code: int) -> int:
    _say(f"packwitness station: {error}", to=sys.stderr)
    return code


def _say(text: str, *, to: TextIO | None = None) -> None:
    print(text, file=to or sys.stdout, flush=True)
