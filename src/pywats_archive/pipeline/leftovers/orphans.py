"""What waits in an archive and has nobody to bring it to its end: the configuration has its converter, or itself, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pywats_archive.archive import ledger
from pywats_archive.archive.folder.ownership import is_owned
from pywats_archive.archive.results import conversions
from pywats_archive.config import StationConfig
from pywats_archive.errors import ArchiveError
from pywats_archive.pipeline.alerting.alerts import GONE, UNNAMED
from pywats_archive.pipeline.lanes.lane import Line
from pywats_archive.pipeline.mounts.pool import Staff

_Found = Mapping[str, dict[str, Any]]


class Gone:
    """Tells of it as long as it is so, and does nothing to it."""

    def __init__(self, staff: Staff) -> None:
        self._staff = staff

    def look(self, lines: Sequence[Line], station: StationConfig) -> None:
        """Raise an alert for each converter and each archive of which something waits, and clear those that are over."""
        self._tell(GONE, self._converters(lines))
        self._tell(UNNAMED, self._archives(station))

    def left(self) -> tuple[str, ...]:
        """Tell what waits, a line each."""
        told = ((a.subject, dict(a.fields)) for a in self._staff.alerts.open if a.name in (GONE, UNNAMED))
        return tuple(f"{subject}: {_number(fields)} wait: {fields['reason']}" for subject, fields in told)

    def _tell(self, name: str, found: _Found) -> None:
        alerts = self._staff.alerts
        for alert in alerts.open:
            if alert.name == name and alert.subject not in found:
                alerts.clear(name, alert.subject)
        for subject, fields in found.items():
            alerts.raise_alert(name, subject, **fields)

    def _converters(self, lines: Sequence[Line]) -> _Found:
        """Find the converters whose sources wait in an open archive while no line is there for them."""
        told = "no converter that is enabled has this name, nor the watch folder to itself; give one its name again"
        found: dict[str, dict[str, Any]] = {}
        for archive in self._staff.archives:
            there = {line.name for line in lines if line.archive is archive}
            with suppress(ArchiveError):
                counts = ledger.unfinished_counts(archive).items()
                found |= {name: {"sources": n, "reason": told} for name, n in counts if name not in there}
        return found

    def _archives(self, station: StationConfig) -> _Found:
        """Find the archives of this configuration in which something waits, and that it names no more.

        They are only looked at: a configuration that was copied to another station remembers those of its original.
        """
        named = {*station.archive_roots(even_unused=True), *(archive.root for archive in self._staff.archives)}
        told = f"the configuration names it no more: name it in archive_folder, or {self._staff.how_to_forget}"
        found: dict[str, dict[str, Any]] = {}
        for root in self._staff.known_roots(station):
            if root in named:
                continue
            with suppress(ArchiveError), self._staff.reading(root) as archive:  # it may be gone for good
                sources = sum(ledger.unfinished_counts(archive).values())
                reports = conversions.waiting_reports(archive)
                if (sources or reports) and not is_owned(root):  # its owner goes on with it
                    found[str(root)] = {"sources": sources, "reports": reports, "reason": told}
        return found


def _number(fields: Mapping[str, Any]) -> str:
    return " and ".join(f"{fields[what]} {what[:-1]}(s)" for what in ("sources", "reports") if what in fields)
