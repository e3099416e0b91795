"""The vault of a station over the network."""

from __future__ import annotations

from pywats_archive.client.remote.calls import asked, refused
from pywats_archive.client.remote.wire import Wire
from pywats_archive.client.vault.station import StationVault
from pywats_archive.models.vault.shipping import VaultStatus


class RemoteVault(StationVault):
    """``Client.vault`` of a station over the network."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    actor = ""
    status = asked(StationVault.status, "GET /vault", VaultStatus)
    push = refused(StationVault.push, "since the service ships by itself; use the command on the station")
    verify = refused(StationVault.verify, "since it reads the whole vault; use the command on the station")
    restore = refused(StationVault.restore, "since the archive is restored on the station; use the command there")
    init = refused(StationVault.init, "since the key of the vault lies on the station; use the command there")
