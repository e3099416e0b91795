"""The status of a station."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from pathlib import Path

from pywats_archive.archive import alerts, ledger
from pywats_archive.archive.anchors.making import last_anchor
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Account
from pywats_archive.archive.overview.recent import recent
from pywats_archive.archive.overview.vanished import vanished
from pywats_archive.archive.overview.waiting import last_accepted, waiting
from pywats_archive.errors import ConfigError, StorageError
from pywats_archive.models.operation.service import ServiceStatus
from pywats_archive.models.operation.statistics import OpenAlert, each_once
from pywats_archive.models.operation.status import LastAnchor, VanishedSource, WaitingWork, combined_waiting

_NOT_WRITTEN = "anchor.failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class StationStatus:
    """The accounts of every archive: what came in, what became of it, and whether that agrees."""

    accounts: tuple[Account, ...]
    """The sources of each converter and day (UTC)."""
    disagreements: tuple[str, ...]
    """One line for each count that does not agree."""
    alerts: tuple[OpenAlert, ...] = ()
    """Open alerts of the service, and one if no service runs while something waits."""
    services: tuple[ServiceStatus, ...] = ()
    """The service of each archive."""
    waiting: WaitingWork = field(default_factory=WaitingWork)
    """What is not done yet, in all archives."""
    last_accepted_at: datetime | None = None
    """When the server last accepted a report."""
    vanished: tuple[VanishedSource, ...] = ()
    """The sources that vanished before they could be archived."""
    recent: tuple[Account, ...] = ()
    """The sources of each converter and day of the station's own calendar, newest day first."""
    anchors: tuple[LastAnchor, ...] = ()
    """The newest anchor of each archive that has one."""

    @property
    def agrees(self) -> bool:
        """Whether what came in and what went out agree."""
        return not self.disagreements

    @property
    def is_well(self) -> bool:
        """Whether the counts agree, no alert is open, and a person knows of each source that vanished."""
        return self.agrees and not self.alerts and all(each.acknowledged_at for each in self.vanished)


def status_of(
    archives: Sequence[Archive],
    *,
    services: tuple[ServiceStatus, ...],
    unattended: Iterable[OpenAlert],
    today: date,
    days: int,
    is_quick: bool,
    configuration: Path | None = None,
) -> StationStatus:
    """Return the status of some archives; ``recent`` has so many ``days``. ``is_quick`` does not count the ledger."""
    counted, folders = () if is_quick else archives, _anchor_folders(configuration)
    faults = (ledger.disagreements(each, is_quick=is_quick) for each in archives)
    return StationStatus(
        accounts=tuple(chain.from_iterable(map(ledger.accounts, counted))),
        disagreements=tuple(chain.from_iterable(faults)),
        alerts=each_once([*chain.from_iterable(map(alerts.open_alerts, archives)), *unattended]),
        services=services,
        waiting=combined_waiting([waiting(each) for each in archives]),
        last_accepted_at=max(filter(None, map(last_accepted, archives)), default=None),
        vanished=tuple(chain.from_iterable(map(vanished, archives))),
        recent=tuple(chain.from_iterable(recent(each, today=today, days=days) for each in counted)),
        anchors=tuple(chain.from_iterable(_anchors(each, folders) for each in archives)),
    )


def _anchor_folders(configuration: Path | None) -> tuple[Path, ...]:
    """Return the configured anchor folders; none if the configuration has become invalid, so that the rest is shown."""
    from pywats_archive.host.settings.foldernames import read_anchor_folders

    with suppress(ConfigError):
        return read_anchor_folders(configuration) if configuration else ()
    return ()


def _anchors(archive: Archive, folders: Sequence[Path]) -> Iterator[LastAnchor]:
    """Yield the last anchor of an archive. No folder is asked: a share that is away may never answer."""
    with suppress(StorageError):
        if last := last_anchor(archive):
            failed = {alert.subject for alert in alerts.open_alerts(archive) if alert.name == _NOT_WRITTEN}
            having = tuple(folder for folder in folders if str(folder) not in failed)
            yield LastAnchor(archive=archive.root, event=last.event, at=last.at, folders=having)
