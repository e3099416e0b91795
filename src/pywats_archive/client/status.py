"""The status of a station."""

from __future__ import annotations

from dataclasses import dataclass

from pywats_archive.archive.ledger import Account
from pywats_archive.models.operation.service import ServiceStatus
from pywats_archive.models.operation.statistics import OpenAlert


@dataclass(frozen=True, kw_only=True, slots=True)
class StationStatus:
    """The accounts of every archive: what came in, what became of it, and whether that agrees."""

    accounts: tuple[Account, ...]
    disagreements: tuple[str, ...]
    alerts: tuple[OpenAlert, ...] = ()
    """Open alerts of the service, and one if no service runs while something waits."""
    services: tuple[ServiceStatus, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether what came in and what went out agree."""
        return not self.disagreements
