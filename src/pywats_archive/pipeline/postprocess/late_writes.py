"""Writes to a source after it was archived: found when it leaves and for a while after, archived again, and an alert."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.sources import reading
from pywats_archive.archive.sources.late import missing_members
from pywats_archive.conversion.source_log import Origin, log_of
from pywats_archive.errors import ArchiveAway, ArchiveError, SourceVanished
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.pipeline.alerting.alerts import WRITTEN_LATE, Alerts
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.postprocess.actions import Moved

ALERT_FOR_S = 86_400.0
"""How long the alert stays open after the last late write."""
_AGAIN_S = 5.0
"""The delay after a late write that could not be archived."""
_LATE = "written to after it was archived; the new content is archived but not converted: replay the entry"


@dataclass(frozen=True, kw_only=True, slots=True)
class DepartedSource:
    """A source that has left the watch folder, with its state at that time."""

    lane: Lane
    arrival: Arrival
    entry: ArchiveEntry
    path: Path
    """Its current path."""
    stamp: FileStamp | None
    """None: its state is not known, so its bytes are compared."""


class LateWrites:
    """Remembers departed sources for ``late_seconds``, then checks each once; safe to use from many threads."""

    def __init__(self, alerts: Alerts, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._alerts = alerts
        self._now_s = now_s
        self._departed: list[tuple[float, int, DepartedSource]] = []
        self._numbers = itertools.count()
        self._alert_until_s: dict[str, float] = {}
        self._mutex = threading.Lock()

    def remember(
        self, lane: Lane, arrival: Arrival, entry: ArchiveEntry, moved: Moved, compared: FileStamp | None
    ) -> None:
        """Remember a source that has left; ``compared`` is the stamp of a folder when its files were last compared."""
        if moved.lies_at is not None:
            as_archived = arrival.stamp
            stamp = compared or moved.touched or as_archived
            self._push(DepartedSource(lane=lane, arrival=arrival, entry=entry, path=moved.lies_at, stamp=stamp))

    def _push(self, departed: DepartedSource, *, in_s: float | None = None) -> None:
        late_s = departed.lane.config.late_seconds
        if late_s > 0:
            due_s = self._now_s() + (late_s if in_s is None else in_s)
            with self._mutex:
                heapq.heappush(self._departed, (due_s, next(self._numbers), departed))

    def resume(self, lane: Lane) -> None:
        """Remember the sources that left shortly before the end of an earlier run, which may not have checked them."""
        if lane.archive is None:
            return
        within = timedelta(seconds=lane.config.late_seconds)
        for arrival, entry in ledger.recently_departed(lane.archive, lane.name, within=within):
            path = Path(arrival.moved_to or "")
            if path.is_absolute() and path.suffix == Path(arrival.path).suffix:  # not a zip of the source
                stamp = arrival.stamp
                is_file = entry.source_kind is SourceKind.FILE
                self._push(
                    DepartedSource(
                        lane=lane, arrival=arrival, entry=entry, path=path, stamp=stamp if is_file else None
                    ),
                    in_s=0.0,
                )

    def due(self, *, all_of_them: bool = False) -> list[DepartedSource]:
        """Return the sources that were written to since they left, of those to check now, or of all."""
        now_s = self._now_s()
        due = []
        with self._mutex:
            while self._departed and (all_of_them or self._departed[0][0] <= now_s):
                due.append(heapq.heappop(self._departed)[2])
        for folder in [folder for folder, until_s in self._alert_until_s.items() if until_s <= now_s]:
            del self._alert_until_s[folder]
            self._alerts.clear(WRITTEN_LATE, folder)
        return [departed for departed in due if _is_written(departed)]

    def archive(self, lane: Lane, departed: DepartedSource) -> None:
        """Archive a late write, and remember the source again: a program may write more."""
        path = departed.path
        try:
            stamp = reading.stamp_of(path)
            self._archive(lane, departed.entry, Path(departed.arrival.path), path, str(path))
        except (SourceVanished, FileNotFoundError):
            return
        except (ArchiveError, OSError) as exc:
            source = Origin(converter_name=lane.name, path=str(path), archive_id=departed.entry.archive_id)
            log_of(source).error("source.not_archived_late", reason=str(exc))
            self._push(replace(departed, lane=lane), in_s=_AGAIN_S)
            return
        self._push(DepartedSource(lane=lane, arrival=departed.arrival, entry=departed.entry, path=path, stamp=stamp))

    def archive_changed_folder(
        self, lane: Lane, arrival: Arrival, entry: ArchiveEntry, folder: Path, *, as_converted: FileStamp | None
    ) -> tuple[str | None, FileStamp | None]:
        """Archive a folder again if it gained files since it was archived; returns a reason for the ledger, and its stamp.

        Files that it already had ``as_converted`` may be the converter's own, and are no alert.
        """
        if lane.archive is None or entry.source_kind is not SourceKind.FOLDER or not folder.is_dir():
            return None, None
        now = reading.stamp_of(folder)
        if not entry.source_archived_path or now.matches(arrival):
            return None, now
        missing = missing_members(lane.archive, entry, folder)
        if not missing:
            return None, now
        is_own = as_converted is not None and as_converted.matches(now)
        self._archive(lane, entry, Path(arrival.path), folder, None, is_alert=not is_own)
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return f"{missing[0]}{more} came or changed after the folder was archived; it was archived again", now

    def _archive(
        self,
        lane: Lane,
        entry: ArchiveEntry,
        original: Path,
        path: Path,
        moved_to: str | None,
        *,
        is_alert: bool = True,
    ) -> None:
        if lane.interceptor is None or lane.archive is None:
            raise ArchiveAway(f"{lane.root}: the archive is away")
        if entry.source_kind is SourceKind.FOLDER and not missing_members(lane.archive, entry, path):
            return
        late = lane.interceptor.archive_late(path, original_path=original, known=entry, reason=_LATE, moved_to=moved_to)
        if late is None:
            return
        source = Origin(converter_name=lane.name, path=str(path), archive_id=late.archive_id)
        log_of(source).warning("source.written_late")
        if not is_alert:
            return
        folder = lane.config.watch_folder
        self._alerts.raise_alert(WRITTEN_LATE, folder, first=str(path), archive_id=late.archive_id, reason=_LATE)
        self._alert_until_s[folder] = self._now_s() + ALERT_FOR_S


def _is_written(departed: DepartedSource) -> bool:
    try:
        now = reading.stamp_of(departed.path)
    except (ArchiveError, OSError):
        return False
    return departed.stamp is None or not now.matches(departed.stamp)
