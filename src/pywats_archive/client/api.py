"""The client: one API over all archives of a station, for programs, the command and the pages."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

from pywats_archive.archive import alerts, arguments, figures, ledger, sampling
from pywats_archive.archive.audit import inventory
from pywats_archive.archive.folder.layout import DESCRIPTION
from pywats_archive.archive.liveness import heartbeat, unattended
from pywats_archive.archive.repair.rebuild import Rebuilding
from pywats_archive.client.archives import OpenArchives, unavailable_archives
from pywats_archive.client.reader import EntryReader
from pywats_archive.client.run_reader import RunReader
from pywats_archive.client.status import StationStatus
from pywats_archive.config import StationConfig
from pywats_archive.doctor.examination import Examination, examine_archive, examine_station
from pywats_archive.doctor.exposed import exposed
from pywats_archive.errors import UsageError
from pywats_archive.host.own_service import own_service
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.doubtful import doubtful
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.operation.capacity import Ratios
from pywats_archive.models.operation.integrity import Checked, OnProgress, Rebuilt, Thoroughness
from pywats_archive.models.operation.replay import ReprocessingResult
from pywats_archive.models.operation.service import ServiceStatus
from pywats_archive.models.operation.statistics import ArchiveStatistics, OpenAlert, combined, each_once
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.time import utc_now
from pywats_archive.reprocessing.engine import ReprocessingEngine
from pywats_archive.retention.station import StationRetention


class Client(EntryReader, RunReader):
    """Reads, restores and accounts for archives; beside a running service too. Close it, or use it as a context manager."""

    def __init__(self, archives: Sequence[Path | str], *, station: StationConfig | None = None) -> None:
        """Open the archives in these folders; NotAnArchive names a folder without one.

        One whose catalog is damaged can be verified and rebuilt; all else that needs it raises CatalogDamaged.
        """
        self._station = station
        self._archives = OpenArchives([arguments.path(root, "archives").absolute() for root in archives])

    @classmethod
    def from_config(cls, path: Path | str) -> Client:
        """Open each archive of a configuration that exists; ArchiveAway names a known one that is missing."""
        station = read_station_config(Path(path))
        for reason in unavailable_archives(station).values():
            raise reason
        roots = station.archive_roots(even_unused=True)  # an archive that was switched off still has its entries
        made = [root for root in roots if (root / DESCRIPTION).exists()]
        return cls(made, station=station)

    @staticmethod
    def doctor(*, config: Path | str | None = None, archive: Path | str | None = None) -> Examination:
        """Test in every folder of a configuration, or of one archive, what the guarantees need.

        Opens no archive, so it answers where none can be opened, and beside a running service. Waits at most 40 s.
        UsageError unless one of the two is given.
        """
        if (config is None) == (archive is None):
            raise UsageError("doctor: pass either a configuration or an archive")
        if config is not None:
            station = read_station_config(Path(config))
            away = {root: str(reason) for root, reason in unavailable_archives(station).items()}
            found = examine_station(station, away=away)
            return replace(found, warnings=(*doubtful(station), *exposed(station)), other_service=own_service())
        return examine_archive(Path(str(archive)))

    @staticmethod
    def measure(folder: Path | str, *, level: int = 6) -> tuple[Ratios, float]:
        """Compress the files below a folder to measure the ratios; return them with the mean size in bytes."""
        return sampling.measure(Path(folder), level=level)

    async def get_archive_entries(
        self,
        converter_name: str | None = None,
        from_date: date | datetime | None = None,
        to_date: date | datetime | None = None,
        status: ConversionStatus | str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[ArchiveEntry]:
        """Return a page of entries, newest first; both dates inclusive, a date as the end means all of that day."""
        wanted = EntryFilter(
            converter_name=converter_name,
            from_date=None if from_date is None else arguments.first_moment(from_date, "from_date"),
            to_date=None if to_date is None else arguments.last_moment(to_date, "to_date"),
            status=None if status is None else arguments.choice(status, "status", ConversionStatus),
        )
        page = await to_thread(self.find, wanted, limit=limit, offset=offset)
        return list(page.items)

    async def get_archive_statistics(self, converter_name: str | None = None) -> ArchiveStatistics:
        """Return the statistics of all archives, or of one converter."""
        return await to_thread(self.statistics, converter_name)

    async def get_retention_policy(self, converter_name: str) -> RetentionPolicy:
        """Return a converter's policy; UnknownConverter lists the known converters."""
        return await to_thread(self.retention.policy, converter_name)

    async def update_retention_policy(self, policy: RetentionPolicy, *, confirmed: bool = False) -> None:
        """Set a converter's policy; ``*`` for all converters without their own. The dates of all entries follow.

        NeedsConfirmation when it would purge more than a fifth at once, unless ``confirmed``.
        """
        known = arguments.of_kind(policy, "policy", RetentionPolicy)
        await to_thread(self.retention.set_policy, known, actor="library", confirmed=confirmed)

    @property
    def retention(self) -> StationRetention:
        """Policies, purges and holds, over all archives."""
        return StationRetention(self._archives.all, self.require_converter)

    async def reprocess_archives(
        self, converter_name: str, from_date: date | datetime, to_date: date | datetime, **kwargs: Any
    ) -> ReprocessingResult:
        """Replay a converter's entries of a range; see ``ReprocessingEngine.reprocess_range``."""
        self.require_converter(converter_name)
        return await self.reprocessing(actor="library").reprocess_range(converter_name, from_date, to_date, **kwargs)

    def reprocessing(self, archive: Path | None = None, *, actor: str) -> ReprocessingEngine:
        """Return the engine that replays entries of one archive; UsageError if archive or configuration are ambiguous."""
        if self._station is None:
            raise UsageError("replaying needs the converters' configuration; open the client with from_config")
        return ReprocessingEngine(self._archives.only(archive), self._station, actor=actor)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders of the archives."""
        return self._archives.roots

    def statistics(self, converter_name: str | None = None) -> ArchiveStatistics:
        """Return the statistics of all archives together, or of one converter."""
        if converter_name:
            self.require_converter(converter_name)
        found = combined([figures.statistics(each, converter_name) for each in self._archives.all], converter_name)
        return replace(found, alerts=each_once([*found.alerts, *self._unattended()]))

    def status(self) -> StationStatus:
        """Return the accounts of all archives."""
        every = self._archives.all
        return StationStatus(
            accounts=tuple(chain.from_iterable(map(ledger.accounts, every))),
            disagreements=tuple(chain.from_iterable(map(ledger.disagreements, every))),
            alerts=each_once([*chain.from_iterable(map(alerts.open_alerts, every)), *self._unattended()]),
            services=self.services(),
        )

    def _unattended(self) -> Iterator[OpenAlert]:
        return unattended.alerts(self._archives.all, self._station, now=utc_now())

    def services(self, *, now: datetime | None = None) -> tuple[ServiceStatus, ...]:
        """Return for each archive whether a service works on it."""
        return tuple(heartbeat.status_of(root, now=now or utc_now()) for root in self._archives.roots)

    def verify(self, thoroughness: Thoroughness | None = None) -> Iterator[Checked]:
        """Check every archive, also beside a running service; yield each file that was checked.

        A fault is in ``problem``; nothing is changed, and a damaged blob does not stop the check.
        """
        yield from self._archives.verify(thoroughness or Thoroughness())

    def count_files(self) -> int:
        """Count the files that a check will read."""
        return sum(map(inventory.count_files, self._archives.roots))

    def rebuild(self, *, actor: str, on_progress: OnProgress | None = None) -> tuple[Rebuilt, ...]:
        """Rebuild catalogs from the blobs: of all archives, or only the damaged ones of a configuration.

        Each old catalog is kept beside the new one. ArchiveInUse if a service runs.
        """
        return self._archives.rebuild(Rebuilding(actor=actor, on_progress=on_progress), all_=self._station is None)

    def close(self) -> None:
        """Close the archives; idempotent."""
        self._archives.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
