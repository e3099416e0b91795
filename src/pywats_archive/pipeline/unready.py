"""Sources that nobody should convert yet, or at all: a program still has them open for writing, or they have no bytes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import structlog

from pywats_archive import openfiles
from pywats_archive.archive import companions, sources
from pywats_archive.archive.sources import Signature
from pywats_archive.errors import SourceOpen
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.pipeline.alerts import EMPTY, STILL_OPEN, Alerts
from pywats_archive.pipeline.converting import Waits
from pywats_archive.pipeline.line import Line

log = structlog.get_logger()

LONG_OPEN_S = 3600.0
"""A file that is open for longer is an alert: some programs never close what they write."""
_LEAST_S = 0.2
_EMPTY = "it has no bytes; it was not converted. It is taken again when it has some"


def wait_for_writer(line: Line, path: Path) -> Waits | None:
    """Return why a source waits, when a program has it, a file in it or a companion open for writing."""
    writing = _written(line, path, companions.by_rules(path, line.config.companion_rules))
    if writing is None:
        line.written.pop(str(path), None)
        return None
    reason = f"{writing} is still open for writing; it is taken once it is closed"
    _note_open(line, path, reason)
    return wait_for_end(line, reason)


def wait_for_end(line: Line, reason: str) -> Waits:
    """Return that a source waits for a program to close it, which may be soon."""
    return Waits(reason=reason, needs_person=True, again_s=max(_LEAST_S, line.config.settle_seconds))


def wait_for_former(line: Line, former: Arrival) -> Waits:
    """Return that a file that grew waits until what it was before has come to its end, so that nothing older is sent later."""
    reason = f"it grew, and {former.archive_id}, which it was before, has not come to its end ({former.state.value})"
    return Waits(reason=reason, needs_person=True, behind=former.number)


def require_closed(line: Line, path: Path, *, is_removed: bool) -> None:
    """Raise SourceOpen while a program has a source open for writing that is to leave.

    One that is not removed leaves after ``late_seconds`` all the same, and what is written to it is found afterwards.
    """
    writing = _written(line, path)
    if writing is None:
        line.written.pop(str(path), None)
        return
    reason = f"{writing} is open for writing again; it leaves once it is closed"
    open_s = time.monotonic() - _note_open(line, path, reason)
    if is_removed or open_s < line.config.late_seconds:
        raise SourceOpen(reason)


def _note_open(line: Line, path: Path, reason: str) -> float:
    """Log once that a source is open for writing; returns since when that is known."""
    if str(path) not in line.written:
        line.written[str(path)] = time.monotonic()
        log.info("source.open", converter=line.name, path=str(path), reason=reason)
    return line.written[str(path)]


def _written(line: Line, path: Path, beside: Iterable[Path] = ()) -> Path | None:
    is_remote = line.folder is None or line.folder.is_remote
    files = itertools.chain(sources.files_of(path), beside)
    return next((file for file in files if openfiles.has_writer(file, is_remote=is_remote)), None)


def empty_result() -> ConversionResult:
    """Return what becomes of a source without bytes (an empty file, or a folder of such): no converter sees it."""
    return ConversionResult(status=ConversionStatus.SKIPPED, error=_EMPTY, warnings=("the source has no bytes",))


class Unready:
    """Tells of them as long as they lie there."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    def look(self, line: Line, listing: Mapping[str, Signature], now_s: float) -> None:
        """Raise or clear the alerts of a line, from a listing of its folder; ``now_s`` is of a monotonic clock."""
        for path in [path for path in line.written if path not in listing]:
            line.written.pop(path, None)
        long_open = [path for path, since_s in list(line.written.items()) if now_s - since_s >= LONG_OPEN_S]
        self._tell(STILL_OPEN, line, long_open, "a program has them open for writing for more than an hour: close it")
        empty = [path for path, now in listing.items() if now.size_bytes == 0 and _is_skipped(line, path)]
        self._tell(EMPTY, line, empty, "they have no bytes and were skipped: see why, then remove them")

    def _tell(self, name: str, line: Line, paths: list[str], reason: str) -> None:
        folder = line.config.watch_folder
        if paths:
            self._alerts.raise_alert(name, folder, sources=len(paths), first=paths[0], reason=reason)
        else:
            self._alerts.clear(name, folder)


def _is_skipped(line: Line, path: str) -> bool:
    known = line.known.get(path)
    return known is not None and known.state is ArrivalState.SKIPPED
