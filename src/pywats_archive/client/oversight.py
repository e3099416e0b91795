"""The half of the client that accounts for archives, verifies them and rebuilds their catalogs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pywats_archive.archive import arguments
from pywats_archive.client.reader import EntryReader
from pywats_archive.errors import ArchiveError
from pywats_archive.models.time import as_utc, start_of, utc_now

if TYPE_CHECKING:
    from pywats_archive.client.status import StationStatus
    from pywats_archive.models.event import EventFilter, EventPage
    from pywats_archive.models.operation.growth import Growth
    from pywats_archive.models.operation.integrity import Finding, OnProgress, Rebuilt
    from pywats_archive.models.operation.service import Pulse, ServiceStatus
    from pywats_archive.models.operation.statistics import ArchiveStatistics, OpenAlert
    from pywats_archive.models.operation.status import VanishedSource
    from pywats_archive.models.operation.trends import ConversionTimes, FailureReason
    from pywats_archive.models.operation.whereabouts import Watcher

WEEK_HOURS = 168
_PURGES = 10_000
"""The latest purges that the growth looks at."""


class StationReader(EntryReader):
    """Accounts for what came in, over all archives of a station, and checks what they hold."""

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders of the archives."""
        return self._archives.roots

    def statistics(self, converter_name: str | None = None) -> ArchiveStatistics:
        """Return the statistics of all archives together, or of one converter."""
        from pywats_archive.archive import figures
        from pywats_archive.models.operation.statistics import combined, each_once

        if converter_name:
            self.require_converter(converter_name)
        found = combined([figures.statistics(each, converter_name) for each in self._archives.all], converter_name)
        return replace(found, alerts=each_once([*found.alerts, *self._unattended()]))

    def status(self, *, days: int = 7, is_quick: bool = False) -> StationStatus:
        """Return the accounts of all archives, what waits, and what vanished; ``recent`` has so many days, today included.

        ``is_quick`` leaves out the accounts and the checks that take longer in a larger archive.
        """
        from pywats_archive.client.status import status_of

        return status_of(
            self._archives.all,
            services=self.services(),
            unattended=self._unattended(),
            today=date.today(),
            days=arguments.whole(days, "days"),
            is_quick=is_quick,
            configuration=self._station.path if self._station else None,
        )

    def growth(self, converter_name: str | None = None) -> Growth:
        """Return the size of all archives, or of one converter in them, over the last 30 days, with a forecast."""
        from pywats_archive.archive import purging
        from pywats_archive.models.operation.growth import growth_of

        purges = chain.from_iterable(purging.history(each, _PURGES) for each in self._archives.all)
        own = (each for each in purges if converter_name in (None, each.converter_name))
        return growth_of(self.statistics(converter_name), own, today=utc_now().date())

    def received(self, *, hours: int = 1) -> dict[str, int]:
        """Return by converter how many sources were archived within so many hours, a week at most; only those that have any."""
        from pywats_archive.archive.overview import trends

        since = utc_now() - timedelta(hours=arguments.whole(hours, "hours", least=1, most=WEEK_HOURS))
        return trends.received(self._archives.all, since)

    def pulse(self) -> Pulse:
        """Return the state of the services and the number of open alerts on record; quick, and reads no watch folder."""
        from pywats_archive.archive import alerts
        from pywats_archive.models.operation.service import Pulse, ServiceState
        from pywats_archive.models.operation.statistics import each_once

        states = {each.state for each in self.services()} or {ServiceState.STOPPED}
        found = each_once(chain.from_iterable(map(alerts.open_alerts, self._archives.all)))
        return Pulse(state=max(states, key=lambda each: each.severity), alerts=len(found))

    def failure_reasons(self, *, days: int = 30, limit: int = 10) -> tuple[FailureReason, ...]:
        """Return why the latest conversions of entries failed in so many days, today included, the most frequent reason first.

        The filter ``failure_reason`` of ``find`` returns the entries of one.
        """
        from pywats_archive.archive.overview import trends

        first = date.today() - timedelta(days=arguments.whole(days, "days", least=1, most=36_500) - 1)
        return trends.failure_reasons(self._archives.all, start_of(first), limit=arguments.whole(limit, "limit"))

    def conversion_times(self) -> tuple[ConversionTimes, ...]:
        """Return how long the latest conversions of each converter took, a thousand at most in each archive."""
        from pywats_archive.archive.overview.trends import durations
        from pywats_archive.models.operation.trends import times_of

        found: dict[str, list[int]] = {}
        for archive in self._archives.all:
            for name, each in durations(archive).items():
                found.setdefault(name, []).extend(each)
        return tuple(times_of(name, each) for name, each in sorted(found.items()) if each)

    def findings(self) -> tuple[Finding, ...]:
        """Return the damage that services found and that is still there, oldest first."""
        from pywats_archive.archive.audit import scrub_log

        return tuple(chain.from_iterable(map(scrub_log.findings, self._archives.all)))

    def acknowledge(
        self, names: str | Sequence[str], *, reason: str | None = None, actor: str | None = None
    ) -> tuple[VanishedSource, ...]:
        """Record that a person knows of sources that vanished; return these sources.

        ``names`` are their numbers, paths or file names, or ``all``. UnknownEntry if one names no such source.
        """
        from pywats_archive.archive.overview.vanished import acknowledge, chosen, vanished

        each = arguments.texts([names] if isinstance(names, str) else names, "names")
        every = {archive.root: archive for archive in self._archives.all}
        sources = chosen(chain.from_iterable(map(vanished, every.values())), each)
        for root, archive in every.items():
            if mine := [source for source in sources if source.archive == root]:
                acknowledge(archive, mine, reason=reason, actor=actor or self.actor)
        return sources

    def events(
        self, wanted: EventFilter | None = None, *, limit: int = 100, after: Mapping[Path, int] | None = None
    ) -> EventPage:
        """Return the newest events of all archives that match, oldest first; behind ``EventPage.positions`` if given."""
        from pywats_archive.archive.overview import history
        from pywats_archive.models.event import EventFilter

        most = arguments.whole(limit, "limit")
        behind = {root: arguments.whole(number, "after") for root, number in (after or {}).items()}
        asked = wanted or EventFilter()
        if asked.since is not None:
            asked = replace(asked, since=as_utc(asked.since))
        return history.page_of(self._archives.all, asked, limit=most, after=behind)

    def record_event(self, kind: str, *, actor: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        """Append an event that concerns no entry, such as a sign-in, to the history of every archive.

        A read-only one gets a note of a sign-in or a refusal, if that is possible, and nothing else.
        If one cannot be written to, its error is raised after the others.
        """
        from pywats_archive.archive.overview import history

        faults = []
        for archive in self._archives.all:
            try:
                history.record(archive, kind, dict(details or {}), actor=actor or self.actor)
            except ArchiveError as exc:
                faults.append(exc)
        for fault in faults:
            raise fault

    def watchers_of(self, path: Path | str) -> tuple[Watcher, ...]:
        """Return the converters that watch the folder of a file; none if the client has no configuration."""
        from pywats_archive.archive.liveness import watched

        return watched.watchers_of(str(arguments.path(path, "path")), self._station) if self._station else ()

    def _unattended(self) -> Iterator[OpenAlert]:
        from pywats_archive.archive.liveness import unattended

        return unattended.alerts(self._archives.all, self._station, now=utc_now())

    def services(self, *, now: datetime | None = None) -> tuple[ServiceStatus, ...]:
        """Return for each archive whether a service works on it."""
        from pywats_archive.archive.liveness import heartbeat

        return tuple(heartbeat.status_of(root, now=now or utc_now()) for root in self._archives.roots)

    def count_files(self) -> int:
        """Count the files that a check will read."""
        from pywats_archive.archive.audit import inventory
        from pywats_archive.integrity import loose

        return sum(inventory.count_files(root) + loose.count(root) for root in self._archives.roots)

    def rebuild(
        self, *, actor: str | None = None, backup_folder: Path | None = None, on_progress: OnProgress | None = None
    ) -> tuple[Rebuilt, ...]:
        """Rebuild catalogs: of all archives, or only the damaged ones of a configuration.

        Each begins with its newest sound copy, from the archive or ``backup_folder`` (default: that of the configuration), and
        gets the rest from the blobs. Each old catalog is kept beside the new one. ArchiveInUse if a service runs.
        """
        from pywats_archive.archive.repair.rebuild import Rebuilding
        from pywats_archive.host.settings.foldernames import read_backup_folder

        if backup_folder is None and self._station:
            backup_folder = read_backup_folder(self._station.path)
        how = Rebuilding(actor=actor or self.actor, on_progress=on_progress, backup_folder=backup_folder)
        return self._archives.rebuild(how, all_=self._station is None)
