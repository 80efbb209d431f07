"""What an operator does from the command line. Django has to be set up before this module is imported."""

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import transaction

from packwitness.hub.notary import operations as notary
from packwitness.hub.notary import queries as notary_queries
from packwitness.hub.scope.scope import Scope, command_scope
from packwitness.hub.stations import operations as stations
from packwitness.hub.tenants import operations as tenants
from packwitness.hub.tenants import queries
from packwitness.hub.tenants.models import Organisation, Role, Site


class Refused(Exception):
    """The command cannot be done; the text says what to do instead."""


@dataclass(frozen=True)
class SetUp:
    """What ``setup`` found or made."""

    organisation: Organisation
    created: bool
    member_created: bool
    fingerprint: str


def migrate() -> None:
    """Bring the database's tables up to date."""
    call_command("migrate", verbosity=0, interactive=False)


def has_organisation() -> bool:
    """Say whether ``setup`` has run."""
    return Organisation.objects.exists()


def is_member(*, organisation: str, email: str) -> bool:
    """Say whether a person is a member of the organisation of this name."""
    return any(
        member.user.email == email.strip().lower()
        for found in Organisation.objects.filter(name=organisation.strip())
        for member in queries.members(scope=command_scope(found.id, "setup"))
    )


@transaction.atomic
def set_up(
    *,
    organisation: str,
    email: str,
    password: str | None,
    site: str,
    language: str,
    time_zone: str,
    at: datetime,
) -> SetUp:
    """Make the organisation, its keys, a site and an owner. What is there already stays as it is.

    Raises:
        Refused: a value cannot be used.
    """
    found = Organisation.objects.filter(name=organisation.strip()).order_by("created_at").first()
    try:
        made = found or tenants.create_organisation(
            name=organisation, language=language, time_zone=time_zone, at=at
        )
        scope = command_scope(made.id, "setup")
        known = is_member(organisation=organisation, email=email)
        tenants.create_site(scope=scope, name=site, at=at)
        tenants.add_member(scope=scope, email=email, password=password, role=Role.OWNER, at=at)
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error
    notary.ensure_certified(organisation_id=made.id, organisation_name=made.name, at=at)
    fingerprint = notary_queries.organisation_fingerprint(organisation_id=made.id)
    return SetUp(made, created=found is None, member_created=not known, fingerprint=fingerprint)


def enrolment_code(
    *, organisation: str, site: str, station: str, benches: list[str], at: datetime
) -> tuple[str, datetime]:
    """Return a new one-time code and when it expires."""
    scope = scope_of(organisation, "enrolment-code")
    try:
        row, code = stations.mint_enrolment_code(
            scope=scope,
            site_id=_site(scope, site).id,
            station_name=station,
            bench_names=benches,
            at=at,
        )
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error
    return code, row.expires_at


def api_key(*, organisation: str, name: str, at: datetime) -> str:
    """Return a new API key of an organisation."""
    try:
        return tenants.issue_api_key(scope=scope_of(organisation, "api-key"), name=name, at=at)[1]
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error


def scope_of(organisation: str, command: str) -> Scope:
    """Return the scope of a command for the organisation of this name or id; without one, the only one there
    is.

    Raises:
        Refused: there is none, or more than one fits.
    """
    everything = list(Organisation.objects.order_by("created_at"))
    wanted = organisation.strip()
    found = [one for one in everything if not wanted or wanted in (one.name, one.id)]
    if len(found) == 1:
        return command_scope(found[0].id, command)
    if not everything:
        raise Refused("There is no organisation yet. Run `packwitness hub setup` first.")
    known = ", ".join(f"“{one.name}” ({one.id})" for one in everything)
    if found:
        raise Refused(f"Say which organisation: --organisation takes a name or an id of {known}.")
    raise Refused(f"There is no organisation “{wanted}”. There is {known}.")


def _site(scope: Scope, name: str) -> Site:
    everything = list(queries.sites(scope=scope))
    found = [site for site in everything if not name.strip() or site.name == name.strip()]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"“{site.name}”" for site in everything)
    raise Refused(f"Say which site: --site takes one of {known}." if known else "There is no site yet.")
