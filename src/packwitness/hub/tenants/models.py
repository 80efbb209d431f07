from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from packwitness.hub.scope.ids import new_id
from packwitness.hub.scope.owned import Owned


class UserManager(BaseUserManager["User"]):
    """Creates users by their e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a user; the address is kept in lower case, since it is the name people log in with."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person who can log in. What they may do is said by their memberships."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    username = None  # type: ignore[assignment]  # the e-mail address is the name
    email = models.EmailField(_("e-mail address"), unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]  # Django's own wants a user name

    def __str__(self) -> str:
        return self.email


class Organisation(models.Model):
    """A seller or a fulfilment centre: the wall around everything it owns."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    language = models.CharField(max_length=10, default="en")
    time_zone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField(editable=False)

    def __str__(self) -> str:
        return self.name


class Site(Owned):
    """A place with benches."""

    name = models.CharField(max_length=200)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("organisation", "name"), name="tenants_site_name"),)

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do; each includes the ones below it."""

    OWNER = "owner", _("Owner")
    AGENT = "agent", _("Agent")
    VIEWER = "viewer", _("Viewer")


class Member(Owned):
    """A person in an organisation."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("organisation", "user"), name="tenants_member_once"),)

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class ApiKey(Owned):
    """Opens the integrators' API for one organisation. Only a hash of the secret is kept.

    The key reads ``pw_<prefix>_<secret>``; ``prefix`` finds the row and is what the seller sees in the list.
    """

    prefix = models.CharField(max_length=16, unique=True)
    hash = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} (pw_{self.prefix}_…)"
