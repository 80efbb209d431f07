"""``packwitness verify``: what a stranger runs. It reads files and the clock and answers in plain words."""

import argparse
import json
import sys
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from packwitness.evidence.bundle import open_bundle
from packwitness.evidence.canonical import JSON_LIMIT
from packwitness.evidence.certificates import Certificate
from packwitness.evidence.errors import EvidenceError, Malformed, NotABundle
from packwitness.evidence.keys import KEY_ID
from packwitness.evidence.rendition_report import report as report_copy
from packwitness.evidence.renditions import check_rendition, read_record
from packwitness.evidence.report import report
from packwitness.evidence.statements import Statement
from packwitness.evidence.timestamps import load_certificates
from packwitness.evidence.verify import verify

UNREADABLE = 2
_SMALL_LIMIT = 4 << 20

_EPILOG = """\
exit codes: 0 unchanged, and the key is the trusted one; 3 unchanged, but the key was not checked;
1 changed, or another's key; 2 cannot be read. Nothing is fetched from a network."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``packwitness verify``."""
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "path", type=Path, metavar="FOLDER|ZIP|FILM", help="a bundle, a take's folder, or one film"
    )
    parser.add_argument(
        "manifest",
        type=Path,
        nargs="?",
        help="the film's manifest.json, if it lies elsewhere; a converted copy's own .json",
    )
    parser.add_argument(
        "--original", type=Path, metavar="FILM", help="with a converted copy: the film it was made from"
    )
    parser.add_argument(
        "--trust",
        metavar="FINGERPRINT|CERTIFICATE",
        help="the organisation's fingerprint (ed25519:…) or its certificate's file, got from elsewhere",
    )
    parser.add_argument(
        "--tsa-roots",
        type=Path,
        metavar="PEM",
        help="root certificates of time-stamp authorities that you trust",
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    parser.add_argument(
        "--lang", choices=("en", "ko"), default="en", help="language of the words (default: en)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check, print, and return the exit code."""
    try:
        fingerprint, certificates = _read_trust(arguments.trust)
        authorities = load_certificates(_read(arguments.tsa_roots)) if arguments.tsa_roots else []
        if copy := _copy_record(arguments.manifest):
            return _judge_copy(arguments, copy[0], [*copy[1], *certificates], fingerprint)
        with open_bundle(arguments.path, arguments.manifest) as bundle:
            verdict = verify(
                bundle, fingerprint, datetime.now(UTC), authorities=authorities, certificates=certificates
            )
    except (EvidenceError, OSError) as error:
        sys.stderr.write(f"packwitness verify: {error}\n")
        return UNREADABLE
    if arguments.json:
        sys.stdout.write(json.dumps(verdict.to_value(), ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write(report(verdict, arguments.lang))
    return verdict.exit_code


def _copy_record(path: Path | None) -> tuple[Statement, list[Statement]] | None:
    """Read the second argument as what is said of a converted copy; None if it is a manifest."""
    if path is None or not path.is_file() or path.stat().st_size > JSON_LIMIT:
        return None
    with suppress(Malformed):  # the manifest's own reader says better what is wrong with it
        return read_record(path.read_bytes())
    return None


def _judge_copy(
    arguments: argparse.Namespace,
    statement: Statement,
    certificates: list[Statement],
    trust: str | None,
) -> int:
    with ExitStack() as files:
        copy = files.enter_context(arguments.path.open("rb"))
        original = files.enter_context(arguments.original.open("rb")) if arguments.original else None
        verdict = check_rendition(statement, copy, certificates=certificates, trust=trust, original=original)
    if arguments.json:
        sys.stdout.write(json.dumps(verdict.to_value(), ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write(report_copy(verdict, arguments.lang))
    return verdict.exit_code


def _read_trust(given: str | None) -> tuple[str | None, list[Statement]]:
    """Return the trusted fingerprint, and the certificate if that was given."""
    if given is None:
        return None, []
    typed = given.strip().lower()
    if not typed.startswith("ed25519:") and len(typed) == 64:
        typed = f"ed25519:{typed}"
    if KEY_ID.fullmatch(typed):
        return typed, []
    path = Path(given)
    if not path.is_file():
        raise NotABundle(
            f"--trust wants a fingerprint (ed25519: and 64 hex digits) or a certificate's file, not {given!r}"
        )
    statement = Statement.from_json(_read(path))
    certificate = Certificate.from_payload(dict(statement.payload))
    if certificate.subject.kind != "organisation" or not statement.verified_by(certificate.public):
        raise Malformed(f"{path.name} is not an organisation's certificate, signed by its own key")
    return certificate.public.key_id, [statement]


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_SMALL_LIMIT + 1)
    if len(data) > _SMALL_LIMIT:
        raise Malformed(f"{path.name} has more than {_SMALL_LIMIT} bytes")
    return data
