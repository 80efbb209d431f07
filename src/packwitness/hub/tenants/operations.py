import hashlib
import secrets
from datetime import datetime
from zoneinfo import available_timezones

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from packwitness.hub.audit import operations as audit
from packwitness.hub.scope import access
from packwitness.hub.scope.ids import new_id
from packwitness.hub.scope.scope import Scope
from packwitness.hub.tenants.models import ApiKey, Member, Organisation, Role, Site, User

KEY_MARK = "pw"


def create_organisation(
    *, name: str, language: str = "en", time_zone: str = "UTC", at: datetime
) -> Organisation:
    """Store a new organisation.

    Raises:
        ValidationError: the name is empty or the time zone unknown.
    """
    if not name.strip():
        raise ValidationError(_("Give the organisation a name."))
    if time_zone not in available_timezones():
        raise ValidationError(_("There is no time zone of that name. Use one such as Asia/Seoul."))
    return Organisation.objects.create(
        name=name.strip(), language=language, time_zone=time_zone, created_at=at
    )


@transaction.atomic
def add_member(
    *, scope: Scope, email: str, password: str | None = None, role: str = Role.AGENT, at: datetime
) -> Member:
    """Make a person a member, and a user if the address is new; ``password`` is used for a new user only.

    Adding a member again changes nothing.

    Raises:
        ValidationError: the address is none, the role is unknown or the password is too weak.
    """
    access.require(scope, "member.manage")
    address = email.strip().lower()
    validate_email(address)
    if role not in Role.values:
        raise ValidationError(_("There is no such role."))
    user = User.objects.filter(email=address).first()
    if user is None:
        if password is not None:
            validate_password(password, User(email=address))
        user = User.objects.create_user(email=address, password=password)
    EmailAddress.objects.get_or_create(user=user, email=address, defaults={"verified": True, "primary": True})
    member, created = Member.objects.get_or_create(
        organisation_id=scope.organisation_id, user=user, defaults={"role": role, "created_at": at}
    )
    if created:
        audit.record(
            scope=scope, action="member.added", subject=f"member:{member.id}", detail={"role": role}, at=at
        )
    return member


@transaction.atomic
def create_site(*, scope: Scope, name: str, at: datetime) -> Site:
    """Return the organisation's site of this name, made if there was none."""
    access.require(scope, "bench.manage")
    if not name.strip():
        raise ValidationError(_("Give the site a name."))
    site, created = Site.objects.get_or_create(
        organisation_id=scope.organisation_id, name=name.strip(), defaults={"created_at": at}
    )
    if created:
        audit.record(scope=scope, action="site.created", subject=f"site:{site.id}", at=at)
    return site


def secret_hash(secret: str) -> str:
    """Return what is stored of a secret.

    The secret holds 256 random bits, so a plain hash cannot be guessed back.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def issue_api_key(*, scope: Scope, name: str, at: datetime) -> tuple[ApiKey, str]:
    """Make an API key; return its row and the key itself, which is shown this once."""
    access.require(scope, "key.manage")
    if not name.strip():
        raise ValidationError(_("Give the key a name, such as that of the system that uses it."))
    prefix, secret = new_id(), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        organisation_id=scope.organisation_id,
        name=name.strip(),
        prefix=prefix,
        hash=secret_hash(secret),
        created_at=at,
    )
    audit.record(scope=scope, action="api_key.issued", subject=f"api_key:{key.id}", at=at)
    return key, f"{KEY_MARK}_{prefix}_{secret}"


@transaction.atomic
def revoke_api_key(*, scope: Scope, key_id: str, at: datetime) -> ApiKey:
    """End an API key. Ending it again changes nothing."""
    access.require(scope, "key.manage")
    key = access.one(ApiKey, scope, pk=key_id)
    if key.revoked_at is None:
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
        audit.record(scope=scope, action="api_key.revoked", subject=f"api_key:{key.id}", at=at)
    return key
