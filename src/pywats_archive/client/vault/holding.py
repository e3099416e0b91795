"""The part of the client that knows the vault of its configuration."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.client.archives import OpenArchives
from pywats_archive.config.outline import StationOutline

if TYPE_CHECKING:
    from pywats_archive.client.contents import FromVault
    from pywats_archive.client.vault.station import StationVault


class Vaults:
    """The property ``vault``, and how entries are read from the vault."""

    _archives: OpenArchives
    _station: StationOutline | None
    actor: str

    @property
    def vault(self) -> StationVault:
        """The vault to which the station copies its archives."""
        from pywats_archive.client.vault.station import StationVault

        config: Path | None = self._station.path if self._station else None
        return StationVault(config, self._archives.roots, lambda: self._archives.all, actor=self.actor)

    def _vault_of_station(self) -> FromVault | None:
        """Return how to read an entry from the vault; None if the configuration names none. ConfigError if it is invalid."""
        if self._station is None:
            return None
        from pywats_archive.host.settings.groups import read_vault_settings
        from pywats_archive.replication.borrowing import borrowed
        from pywats_archive.vault.opening import open_vault

        config = self._station.path
        settings = read_vault_settings(config)
        if not settings.vault_url:
            return None
        return partial(borrowed, vault=open_vault(settings), keys=config.parent)
