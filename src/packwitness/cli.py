"""The door: ``packwitness demo | hub … | station … | verify …``.

A part is imported only when it is asked for, so that a court's plain install, which holds neither Django nor
FFmpeg, can verify, and ``--help`` is instant. Each part offers ``configure(parser)`` and ``run(arguments) ->
exit code``.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

from packwitness import __version__

PARTS = {
    "verify": ("packwitness.evidence.command", "check a film, offline", None),
    "hub": ("packwitness.hub.command", "the server: search, films, watch pages", "hub"),
    "station": ("packwitness.station.command", "the bench: cameras, scanner, kiosk", "station"),
    "demo": ("packwitness.demo.command", "a hub, a station and a drawn bench, on this machine", "demo"),
}
"""Command -> module, help, and the extra that brings what it needs (None: the plain install does)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (2 for wrong usage, as argparse does)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="packwitness", description="Films each parcel, findable and provable."
    )
    parser.add_argument("--version", action="version", version=f"packwitness {__version__}")
    commands = parser.add_subparsers(dest="part", metavar="COMMAND", required=True)
    asked = next((word for word in arguments if not word.startswith("-")), None)
    for name, (module_name, about, extra) in PARTS.items():
        command = commands.add_parser(name, help=about, description=about)
        if name == asked:
            try:
                module = importlib.import_module(module_name)
            except ModuleNotFoundError as error:
                if extra is None or (error.name or "").startswith("packwitness"):
                    raise
                print(
                    f"packwitness {name} needs the '{extra}' extra ({error.name} is missing).\n"
                    f"Install it with: pip install 'packwitness[{extra}]'",
                    file=sys.stderr,
                )
                return 2
            module.configure(command)
            command.set_defaults(run=module.run)
    parsed = parser.parse_args(arguments)
    return int(parsed.run(parsed))


if __name__ == "__main__":
    sys.exit(main())
