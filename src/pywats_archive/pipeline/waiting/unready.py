"""Sources that are not to be converted: a program still has them open for writing, or they are empty."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from pywats_archive.archive.sources import companions, reading
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.source_log import Origin, Source, log_of
from pywats_archive.errors import SourceOpen
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.pipeline.alerting.alerts import EMPTY, STILL_OPEN, Alerts
from pywats_archive.pipeline.folders.presence import WatchFolder
from pywats_archive.pipeline.folders.scan import FolderScan
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.waiting.backoff import RetryLater
from pywats_archive.portable import open_files

LONG_OPEN_S = 3600.0
"""A file that is open for longer is an alert: some programs never close their files."""
_LEAST_S = 0.2
_EMPTY = "it is empty, so it was not converted; it is converted when it has content"


def wait_for_writer(lane: Lane, arrival: Arrival) -> RetryLater | None:
    """Return why a source is delayed, if a program has it, a file in it or a companion open for writing."""
    path = Path(arrival.path)
    writing = _written(lane.folder, path, companions.by_rules(path, lane.config.companion_rules))
    if writing is None:
        lane.scan.open_for_writing.pop(str(path), None)
        return None
    reason = f"{writing} is still open for writing; the source is processed once it is closed"
    _note_open(lane.scan, arrival, reason)
    return wait_for_end(lane.config, reason)


def wait_for_end(config: ConverterConfig, reason: str) -> RetryLater:
    """Return the short delay of a source that a program has open for writing."""
    return RetryLater(reason=reason, needs_operator=True, again_s=max(_LEAST_S, config.settle_seconds))


def wait_for_predecessor(predecessor: Arrival) -> RetryLater:
    """Return the delay of a file that grew: its earlier version ends first, so that no older report is sent later."""
    reason = f"it grew, and {predecessor.archive_id}, its earlier version, is not finished ({predecessor.state.value})"
    return RetryLater(reason=reason, needs_operator=True, after=predecessor.number)


def require_closed(lane: Lane, path: Path, archive_id: str | None, *, is_removed: bool) -> None:
    """Raise SourceOpen while a program has a source open for writing, so that it does not leave yet.

    If it is not to be removed, it leaves after ``late_seconds`` anyway, and later writes to it are found then.
    """
    writing = _written(lane.folder, path)
    if writing is None:
        lane.scan.open_for_writing.pop(str(path), None)
        return
    reason = f"{writing} is open for writing again; the source leaves once it is closed"
    source = Origin(converter_name=lane.name, path=str(path), archive_id=archive_id)
    open_s = time.monotonic() - _note_open(lane.scan, source, reason)
    if is_removed or open_s < lane.config.late_seconds:
        raise SourceOpen(reason)


def _note_open(scan: FolderScan, source: Source, reason: str) -> float:
    """Log once that a source is open for writing; returns since when (monotonic clock)."""
    path = str(source.path)
    if path not in scan.open_for_writing:
        scan.open_for_writing[path] = time.monotonic()
        log_of(source).info("source.open", reason=reason)
    return scan.open_for_writing[path]


def _written(folder: WatchFolder | None, path: Path, beside: Iterable[Path] = ()) -> Path | None:
    is_remote = folder is None or folder.is_remote
    files = itertools.chain(reading.files_of(path), beside)
    return next((file for file in files if open_files.has_writer(file, is_remote=is_remote)), None)


def empty_result() -> ConversionResult:
    """Return the result of an empty source (an empty file, or a folder of such): no converter is called."""
    return ConversionResult(status=ConversionStatus.SKIPPED, error=_EMPTY, warnings=("the source is empty",))


class Unready:
    """The alerts on such sources, while they are in a watch folder."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    def check(self, folder: str, scan: FolderScan, listing: Mapping[str, FileStamp], now_s: float) -> None:
        """Raise or clear the alerts of a watch folder, from a listing of it; ``now_s`` is of a monotonic clock."""
        for path in [path for path in scan.open_for_writing if path not in listing]:
            scan.open_for_writing.pop(path, None)
        long_open = [path for path, since_s in list(scan.open_for_writing.items()) if now_s - since_s >= LONG_OPEN_S]
        self._sync(
            STILL_OPEN,
            folder,
            long_open,
            "a program has had them open for writing for more than an hour; close that program",
        )
        empty = [path for path, now in listing.items() if now.size_bytes == 0 and _is_skipped(scan, path)]
        self._sync(EMPTY, folder, empty, "they are empty and were skipped; find out why, then remove them")

    def _sync(self, name: str, folder: str, paths: list[str], reason: str) -> None:
        if paths:
            self._alerts.raise_alert(name, folder, sources=len(paths), first=paths[0], reason=reason)
        else:
            self._alerts.clear(name, folder)


def _is_skipped(scan: FolderScan, path: str) -> bool:
    known = scan.known.get(path)
    return known is not None and known.state is ArrivalState.SKIPPED
