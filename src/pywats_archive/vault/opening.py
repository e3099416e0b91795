"""Opening the vault that a configuration names."""

from __future__ import annotations

from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import ConfigError
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.vault.folder import FolderVault
from pywats_archive.vault.store import Vault


def open_vault(settings: VaultSettings, *, on_step: OnStep = no_step) -> Vault:
    """Return the vault at ``vault_url``, without asking it anything; ConfigError if the address cannot be used."""
    if settings.folder is None:
        raise ConfigError(f"{settings.vault_url or 'vault_url'}: this version stores in a folder only; name one")
    return FolderVault(settings.folder, on_step=on_step)
