"""The vault that the settings name."""

from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from packwitness.hub.vault.address import S3Address
from packwitness.hub.vault.filesystem import FilesystemVault
from packwitness.hub.vault.interface import Vault


def vault() -> Vault:
    """Return the vault of ``settings.VAULT_URL``: ``file:///…`` for a folder of this machine, or ``s3://…``."""
    return open_vault(settings.VAULT_URL)


@cache
def open_vault(url: str) -> Vault:
    """Return the vault at a URL.

    Raises:
        ImproperlyConfigured: no such kind of vault, it is not named right, or what it needs is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return _s3(url)
    path = Path(unquote(parts.path))
    if parts.scheme != "file" or parts.netloc or not path.is_absolute():
        raise ImproperlyConfigured(f"VAULT_URL must read file:///an/absolute/folder or s3://…, not {url!r}")
    path.mkdir(mode=0o750, parents=True, exist_ok=True)
    return FilesystemVault(path)


def _s3(url: str) -> Vault:
    try:
        address = S3Address.parse(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"VAULT_URL {error}") from error
    try:
        # An extra: who keeps films in a folder does not install it.
        from packwitness.hub.vault.s3 import S3Vault
    except ModuleNotFoundError as error:
        raise ImproperlyConfigured(
            f"For films in S3, {error.name} is missing. Run: pip install 'packwitness[hub,s3]'"
        ) from error
    return S3Vault(address)
