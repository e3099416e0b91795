"""What lies in a Pending folder and is in no ledger, so that nobody tries it again: a rebuilt catalog begins a new one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.errors import ArchiveError
from pywats_archive.pipeline.alerting.alerts import FORGOTTEN, Alerts
from pywats_archive.pipeline.lanes.lane import Line


class Forgotten:
    """Tells of it until it is gone from there."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts
        self._found: dict[str, list[Path]] = {}

    def look(self, lines: Sequence[Line], archives: Iterable[Archive]) -> None:
        """Look while nothing is going on, for what is set aside is put on record after it was moved."""
        folders = {line.config.pending_folder for line in lines if line.archive}
        unsure = {line.config.pending_folder for line in lines if line.away}
        lying = {folder: items for folder in folders - unsure if (items := _items(Path(folder)))}
        try:
            arrivals = [a for archive in archives for a in ledger.unfinished(archive)] if lying else []
        except ArchiveError:  # told elsewhere
            return
        known = {Path(a.moved_to) for a in arrivals if a.moved_to}
        on_their_way = {Path(a.path).name for a in arrivals}  # a crash may have left them there, not yet on record
        self._found = {
            folder: [item for item in items if item not in known and item.name not in on_their_way]
            for folder, items in lying.items()
        }
        told = "nobody tries them again: move them back into the watch folder"
        for folder, items in self._found.items():
            if items:
                self._alerts.raise_alert(FORGOTTEN, folder, items=len(items), first=items[0].name, reason=told)
        self.look_again()

    def look_again(self) -> None:
        """Clear what is no more so."""
        for alert in self._alerts.open:
            if alert.name == FORGOTTEN and not any(item.exists() for item in self._found.get(alert.subject, ())):
                self._alerts.clear(FORGOTTEN, alert.subject)


def _items(folder: Path) -> list[Path]:
    """List what lies there, but for what begins with a dot, which may be half-written."""
    with suppress(OSError):
        return sorted(item for item in folder.iterdir() if not item.name.startswith("."))
    return []
