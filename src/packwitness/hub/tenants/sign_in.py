"""How people sign in. Accounts are made by an owner or on the command line, never by a passer-by."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Closes the public sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
