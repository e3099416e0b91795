"""The vault of a station over the network."""

from __future__ import annotations

from pywats_archive.client.remote.calls import refused
from pywats_archive.client.remote.wire import Wire
from pywats_archive.client.vault.station import StationVault


class RemoteVault(StationVault):
    """``Client.vault`` of a station over the network."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    init = refused(StationVault.init, "since the key of the vault lies on the station; use the command there")
