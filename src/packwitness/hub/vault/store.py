"""The vault that the settings name."""

from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from packwitness.hub.vault.filesystem import FilesystemVault
from packwitness.hub.vault.interface import Vault


def vault() -> Vault:
    """Return the vault of ``settings.VAULT_URL``: ``file:///…`` for a folder of this machine."""
    return open_vault(settings.VAULT_URL)


@cache
def open_vault(url: str) -> Vault:
    """Return the vault at a URL.

    Raises:
        ImproperlyConfigured: no such kind of vault, or the folder is not named absolutely.
    """
    parts = urlsplit(url)
    path = Path(unquote(parts.path))
    if parts.scheme != "file" or parts.netloc or not path.is_absolute():
        raise ImproperlyConfigured(f"VAULT_URL must read file:///an/absolute/folder, not {url!r}")
    path.mkdir(mode=0o750, parents=True, exist_ok=True)
    return FilesystemVault(path)
