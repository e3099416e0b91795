"""``Client.vault``: the vault to which a station copies its archives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.description import read_description
from pywats_archive.client.vault.shipping import VaultShipping
from pywats_archive.errors import UsageError
from pywats_archive.models.vault.initialized import InitializedVault, VaultRights

if TYPE_CHECKING:
    from pywats_archive.config.vault import VaultSettings

_FUTURE = "ARCHIVE-UUID"


class StationVault(VaultShipping):
    """The vault that a configuration names."""

    def __init__(
        self, config: Path | None, roots: Sequence[Path], archives: Callable[[], Sequence[Archive]], *, actor: str
    ) -> None:
        self._path = config
        self._roots = roots
        self._archives = archives
        self.actor = actor

    def init(self, url: str | None = None) -> InitializedVault:
        """Make a bucket's prefix or a folder a vault; one that is a vault already stays as it is. Idempotent.

        ``url``: by default ``vault_url``; the other keys of the vault are those of the configuration. Nothing in the
        configuration changes. VaultRefused, VaultAway or VaultClockOff if the vault cannot be used.
        """
        from pywats_archive.replication import readme
        from pywats_archive.vault import marker
        from pywats_archive.vault.opening import open_vault
        from pywats_archive.vault.rights import least_rights

        settings = self._settings(url)
        vault = open_vault(settings)
        is_new = marker.create(vault)
        readme.introduce(vault)
        found = [description.archive_uuid for root in self._roots if (description := read_description(root))]
        rights = (VaultRights(archive_uuid=each, document=least_rights(settings, each)) for each in found or [_FUTURE])
        return InitializedVault(url=vault.url, is_new=is_new, rights=tuple(rights))

    def _settings(self, url: str | None) -> VaultSettings:
        return settings_of(self._path, url)


def settings_of(config: Path | None, url: str | None) -> VaultSettings:
    """Return the settings of a configuration, with another address if one is named; UsageError if there is no vault."""
    from pywats_archive.config.vault import VaultSettings
    from pywats_archive.host.settings.groups import read_vault_settings, vault_settings_at

    settings = read_vault_settings(config) if config else VaultSettings()
    if url is not None:
        settings = vault_settings_at(arguments.text(url, "url"), settings)
    if not settings.vault_url:
        raise UsageError(
            "vault: set vault_url in the configuration; only 'init', 'restore', 'plant index' and 'plant replay' can name the "
            "bucket or the folder instead"
        )
    return settings
