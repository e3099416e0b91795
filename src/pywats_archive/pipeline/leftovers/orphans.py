"""Unfinished work without an owner: each case is an alert, and the work is left untouched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.folder.ownership import is_owned
from pywats_archive.archive.results import submissions
from pywats_archive.config import StationConfig
from pywats_archive.errors import ArchiveError
from pywats_archive.pipeline.alerting.alerts import FORGOTTEN, GONE, UNNAMED, Alerts
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.mounts.pool import ArchivePool

_Found = dict[str, dict[str, object]]


class Orphans:
    """Raises and clears the alerts on orphans, in the service's own thread."""

    def __init__(self, pool: ArchivePool, alerts: Alerts) -> None:
        self._pool = pool
        self._alerts = alerts
        self._pending: dict[str, list[Path]] = {}

    def check(self, lanes: Iterable[Lane], station: StationConfig) -> None:
        """Check for converters and archives with unfinished work and without a lane."""
        self._alerts.sync(GONE, self._converters(lanes))
        self._alerts.sync(UNNAMED, self._archives(station))

    def check_pending(self, lanes: Iterable[Lane]) -> None:
        """Check for sources in Pending that are in no ledger, as after a rebuild, so that nothing tries them again.

        Call it while no work runs, since a source is recorded after it was moved to Pending.
        """
        lanes = tuple(lanes)
        folders = {lane.config.pending_folder for lane in lanes if lane.archive}
        unsure = {lane.config.pending_folder for lane in lanes if lane.away}
        lying = {folder: items for folder in folders - unsure if (items := _items(Path(folder)))}
        try:
            arrivals = [a for each in self._pool.archives for a in ledger.unfinished(each)] if lying else []
        except ArchiveError:  # the archive has an alert of its own
            return
        known = {Path(a.moved_to) for a in arrivals if a.moved_to}
        on_their_way = {Path(a.path).name for a in arrivals}  # a crash may have come before their move was recorded
        self._pending = {
            folder: [item for item in items if item not in known and item.name not in on_their_way]
            for folder, items in lying.items()
        }
        self.recheck_pending()

    def recheck_pending(self) -> None:
        """Raise or clear the alert on each Pending folder by the sources that are still in it."""
        reason = "they are not tried again: move them back into the watch folder"
        found: _Found = {}
        for folder, items in self._pending.items():
            if remaining := [item for item in items if item.exists()]:
                found[folder] = {"items": len(remaining), "first": remaining[0].name, "reason": reason}
        self._alerts.sync(FORGOTTEN, found)

    def blockers(self) -> tuple[str, ...]:
        """Return a line for each converter or archive whose work has no owner."""
        alerts = ((a.subject, dict(a.fields)) for a in self._alerts.open if a.name in (GONE, UNNAMED))
        return tuple(f"{subject}: {_number(fields)} wait: {fields['reason']}" for subject, fields in alerts)

    def _converters(self, lanes: Iterable[Lane]) -> _Found:
        """Return the converters that have unfinished sources in an open archive, and no lane."""
        reason = "no enabled converter has this name, or watches the folder alone; give a converter this name again"
        lanes, found = tuple(lanes), _Found()
        for archive in self._pool.archives:
            there = {lane.name for lane in lanes if lane.archive is archive}
            with suppress(ArchiveError):
                counts = ledger.unfinished_counts(archive).items()
                found |= {name: {"sources": n, "reason": reason} for name, n in counts if name not in there}
        return found

    def _archives(self, station: StationConfig) -> _Found:
        """Return the archives that this configuration created and no longer lists, in which something waits.

        They are only read: a configuration copied from another station knows the archives of that station.
        """
        named = {*station.archive_roots(even_unused=True), *(archive.root for archive in self._pool.archives)}
        reason = f"the configuration no longer lists it: set archive_folder to it, or {self._pool.how_to_forget}"
        found = _Found()
        for root in self._pool.known_roots(station):
            if root in named:
                continue
            with suppress(ArchiveError), self._pool.reading(root) as archive:  # it may no longer exist
                sources = sum(ledger.unfinished_counts(archive).values())
                reports = submissions.waiting_reports(archive)
                if (sources or reports) and not is_owned(root):  # its owner completes them
                    found[str(root)] = {"sources": sources, "reports": reports, "reason": reason}
        return found


def _number(fields: Mapping[str, object]) -> str:
    return " and ".join(f"{fields[what]} {what[:-1]}(s)" for what in ("sources", "reports") if what in fields)


def _items(folder: Path) -> list[Path]:
    """Return the items of a folder, except names with a leading dot, which may be half-written."""
    with suppress(OSError):
        return sorted(item for item in folder.iterdir() if not item.name.startswith("."))
    return []
