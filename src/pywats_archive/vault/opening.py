"""Opening the vault that a configuration names."""

from __future__ import annotations

from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import ConfigError
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.vault.bucket import BucketVault
from pywats_archive.vault.store import Vault
from pywats_archive.vault.time_limits import TimeLimitedFolderVault


def open_vault(settings: VaultSettings, *, on_step: OnStep = no_step, tries_again: bool = False) -> Vault:
    """Return the vault at ``vault_url``, without asking it anything; ConfigError if the keys cannot be used.

    With ``tries_again``, requests are repeated; use this only for reading.
    """
    if settings.bucket:
        return BucketVault(settings, on_step=on_step, tries_again=tries_again)
    if settings.folder:
        return TimeLimitedFolderVault(settings.folder, on_step=on_step)
    raise ConfigError("vault_url names no vault; write a bucket or a folder")
