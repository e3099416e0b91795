"""What the pages say of the vault."""

from __future__ import annotations

from pywats_archive.client import Client
from pywats_archive.errors import ConfigError, UsageError
from pywats_archive.models.vault.shipping import VaultStatus


def vault_of(client: Client) -> VaultStatus | None:
    """Return how far the vault has the archives, without asking it; None if the configuration names none."""
    try:
        return client.vault.status()
    except (UsageError, ConfigError):
        return None
