"""What an operator does once for a new shop, in one process: ``hub setup``, ``hub api-key`` and
``hub enrolment-code`` would each load the hub anew.

Run as ``python -m packwitness.demo.furnish`` with the hub's settings in the environment and a ``Wanted`` as
JSON on standard input; prints a ``Furnished`` as JSON.
"""

import json
import os
import sys
from datetime import UTC, datetime
from typing import TypedDict


class Wanted(TypedDict):
    """Names of what is to be there, and the owner's password."""

    organisation: str
    site: str
    station: str
    bench: str
    email: str
    password: str


class Furnished(TypedDict):
    """A new key for the hub's API and a code that makes one machine a station."""

    api_key: str
    enrolment_code: str


def furnish(wanted: Wanted) -> Furnished:
    """Make the tables, the organisation and its owner; what is there already stays as it is.

    Raises:
        Refused: a value cannot be used.
    """
    # Not a default: a shell may name the settings of some other project.
    os.environ["DJANGO_SETTINGS_MODULE"] = "packwitness.hub.config.settings"
    # Importing Django's parts reads the settings.
    import django

    django.setup()
    # Its models exist only from here on.
    from packwitness.hub.config import administration

    administration.migrate()
    now = datetime.now(UTC)
    organisation = wanted["organisation"]
    administration.set_up(
        organisation=organisation,
        email=wanted["email"],
        password=wanted["password"],
        site=wanted["site"],
        language="en",
        time_zone="UTC",
        at=now,
    )
    code, _ = administration.enrolment_code(
        organisation=organisation,
        site=wanted["site"],
        station=wanted["station"],
        benches=[wanted["bench"]],
        at=now,
    )
    key = administration.api_key(organisation=organisation, name="demo", at=now)
    return {"api_key": key, "enrolment_code": code}


if __name__ == "__main__":
    json.dump(furnish(json.load(sys.stdin)), sys.stdout)
