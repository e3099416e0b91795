"""Comparing watch folders with the ledger: new sources are entered, complete ones queued, missing ones recorded."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

import structlog

from pywats_archive.archive.alone import each_alone, is_of_one
from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.sources import leaving, reading
from pywats_archive.conversion.source_log import Origin, log_of
from pywats_archive.errors import ArchiveError, StorageError
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.pipeline.alerting.alerts import UNREADABLE, Alerts
from pywats_archive.pipeline.alerting.archive_failures import ArchiveFailures
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.folders.identity import is_as_known
from pywats_archive.pipeline.folders.listing import SourceListing
from pywats_archive.pipeline.folders.scan import FolderScan
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.lanes.ledgers import REPLACED_BEFORE, Ledger
from pywats_archive.pipeline.lanes.returning import give_back
from pywats_archive.pipeline.lanes.vanished import record_vanished
from pywats_archive.pipeline.processing import sharing
from pywats_archive.pipeline.processing.processor import Processor
from pywats_archive.pipeline.waiting.backoff import Backoff
from pywats_archive.pipeline.waiting.unexpected import Unexpected
from pywats_archive.pipeline.waiting.unready import Unready

log = structlog.get_logger()

_BREAK_S, _LONG_BREAK_S = 0.2, 5.0


class Watcher:
    """Compares folders with the ledger; calls ``enqueue`` for complete sources, ``on_failure`` when the ledger fails."""

    def __init__(
        self,
        backoff: Backoff,
        processor: Processor,
        failures: ArchiveFailures,
        enqueue: Callable[[Lane, Sequence[Arrival]], None],
        on_failure: Callable[[Lane, ArchiveError], None],
        unexpected: Unexpected,
        unready: Unready,
        alerts: Alerts,
        *,
        spool: Spool,
        impatient: bool = False,
    ) -> None:
        """``impatient``: do not wait longer for empty sources than for others."""
        self._alerts = alerts
        self._spool = spool
        self._backoff = backoff
        self._processor = processor
        self._failures = failures
        self._enqueue = enqueue
        self._on_failure = on_failure
        self._unexpected = unexpected
        self._unready = unready
        self._impatient = impatient

    def clear_unwatched(self, lanes: Iterable[Lane]) -> None:
        """Clear the alerts on folders that none of these lanes watches."""
        folders = {lane.config.watch_folder for lane in lanes if lane.accepts_new}
        for alert in self._alerts.open:
            if alert.name == UNREADABLE and alert.subject not in folders:
                self._alerts.clear(UNREADABLE, alert.subject)

    def scan(self, lane: Lane) -> None:
        """List a lane's folder and compare it with the ledger; a folder that cannot be read is logged once."""
        began_s = time.monotonic()
        _note_archived(lane.scan)
        try:
            listed = lane.listing.read()
            if _give_back(lane, listed.leaving):
                listed = lane.listing.read()
            lane.scan.reported.discard(lane.config.watch_folder)
            self._alerts.clear(UNREADABLE, lane.config.watch_folder)
            for path in listed.strange:
                _log_fault(
                    lane.scan,
                    lane.name,
                    path,
                    "is neither a file nor a folder, or cannot be examined; it is ignored and never opened",
                )
            self._compare(lane, listed.sources, began_s)
            self._unexpected.resolve(lane.name, lane.config.watch_folder)
        except OSError as exc:
            _log_fault(lane.scan, lane.name, lane.config.watch_folder, f"cannot be read ({exc.strerror})")
            self._alerts.raise_alert(UNREADABLE, lane.config.watch_folder, reason=str(exc), converter=lane.name)
            lane.scan.needs_scan = False
        except ArchiveError as exc:
            log.error("ledger.failed", converter=lane.name, reason=str(exc))
            for each in (lane, *lane.predecessors.lanes):
                self._on_failure(each, exc)
        except Exception as exc:
            self._unexpected.add(lane.name, lane.config.watch_folder, exc)
        lane.scan.next_scan_s = time.monotonic() + break_s(time.monotonic() - began_s)

    def _compare(self, lane: Lane, listing: dict[str, FileStamp], now_s: float) -> None:
        """Compare a listing with the ledger: enter new sources, queue complete ones, record vanished ones.

        The ledger is read after the listing, so a listed source may have left in between. A source that is released during
        the comparison is known by its earlier state, so it counts as active until the next scan.
        """
        unsent = self._processor.passthrough.unsent_by_path(lane)
        for path in [p for p, each in unsent.items() if p in listing and any(is_as_known(a, listing[p]) for a in each)]:
            listing.pop(path)
        _drop_ignored(lane, listing)
        lane.scan.needs_scan = False
        # Before stale paths are dropped: a source is added to them before it is removed from the active ones.
        lane.scan.active_before = frozenset(lane.scan.active)
        if lane.scan.stale:
            sharing.wake_later(lane)
        while lane.scan.stale:
            lane.scan.known.pop(lane.scan.stale.popleft(), None)
        self._enter(lane, listing, {a.arrival_id for each in unsent.values() for a in each})
        waiting = {
            p: s for p, s in listing.items() if p in lane.scan.known and lane.scan.is_unqueued(lane.scan.known[p])
        }
        whole = lane.scan.debounce.observe(waiting, now_s, impatient=self._impatient)
        complete = () if lane.is_blocked else (_with_stamp(lane.scan.known[path], waiting[path]) for path in whole)
        if due := [arrival for arrival in complete if self._backoff.is_due(lane.key_of(arrival), now_s)]:
            self._enqueue(lane, due)
        self._check_missing(lane, listing)
        self._unready.check(lane.config.watch_folder, lane.scan, listing, now_s)
        lane.scan.unstable = {a.number for a in lane.scan.known.values() if lane.scan.is_unqueued(a)}

    def _enter(self, lane: Lane, listing: dict[str, FileStamp], unsent: AbstractSet[int | None]) -> None:
        """Enter new sources; one that the ledger cannot look up or enter is dropped from the listing and delayed alone.

        ``unsent``: arrivals whose reports are in memory. The source that is now listed at their path is another one.
        """

        def set_aside(path: str, error: Exception) -> None:
            listing.pop(path, None)
            self._unexpected.add(lane.name, path, error)

        unknown = [path for path in listing if path not in lane.scan.known]
        if not unknown:
            lane.ledger.latest_at(unknown)  # an away ledger must see its first listing even when it is empty
        for found in filter(None, each_alone(lane.ledger.latest_at, unknown, set_aside)):
            lane.scan.known |= {path: known for path, known in found.items() if not sharing.is_abandoned(lane, known)}
            sharing.wake_later(lane)
        sharing.drop_others(lane, listing)
        new = [path for path in listing if self._is_new(lane, path, listing, unsent)]
        new = sharing.free_of_others(lane, new, listing)
        sightings = [_sighting(path, listing[path]) for path in new]
        for entered in each_alone(lane.ledger.enter, sightings, lambda one, error: set_aside(one.path, error)):
            for arrival in entered:
                lane.scan.known[arrival.path] = arrival

    def _is_new(self, lane: Lane, path: str, listing: dict[str, FileStamp], unsent: AbstractSet[int | None]) -> bool:
        """Whether the source at ``path`` is another one than those known there.

        The ledger may be newer than the listing, so the file is examined again before the two are compared.
        """
        known = lane.scan.known.get(path)
        if known is None:
            return os.path.lexists(path)
        if known.arrival_id not in unsent and (lane.scan.is_in_hand(known) or lane.accounts_for(known, listing[path])):
            return False
        there = [arrival for arrival in lane.ledger.of_path(path) if arrival.arrival_id not in unsent]
        try:
            listing[path] = now = reading.stamp_of(Path(path))
        except (OSError, StorageError):
            return False
        for arrival in there:
            if lane.scan.is_in_hand(arrival) or lane.accounts_for(arrival, now):
                lane.scan.known[path] = arrival
                return False
        for arrival in there:
            if arrival.state is ArrivalState.SEEN:
                record_vanished(lane.ledger, arrival, self._failures, reason=REPLACED_BEFORE)
        lane.scan.repeated.add(path)
        if known.arrival_id in unsent or any(not arrival.state.is_final for arrival in there):
            lane.scan.changed.add(path)  # the source may be replaced at any time
        return True

    def _delay(self, lane: Lane, arrival: Arrival, error: Exception) -> None:
        """Delay one source; an error that concerns the whole archive is raised."""
        if not is_of_one(error):
            raise error
        waits = self._unexpected.add(lane.name, arrival.path, error, archive_id=arrival.archive_id)
        self._backoff.delay(lane.key_of(arrival), waits, path=arrival.path, settle_s=lane.config.settle_seconds)

    def _check_missing(self, lane: Lane, listing: dict[str, FileStamp]) -> None:
        for path in [path for path in lane.scan.known if path not in listing]:
            arrival = lane.scan.known.pop(path)
            try:
                self._check_one_missing(lane, arrival)
            except Exception as exc:
                self._delay(lane, arrival, exc)
        for path in self._unexpected.paths(lane.name):
            if path not in listing and not os.path.lexists(path):
                self._unexpected.resolve(lane.name, path)

    def _check_one_missing(self, lane: Lane, arrival: Arrival) -> None:
        if arrival.state is not ArrivalState.SEEN or arrival.arrival_id in lane.scan.active:
            return
        now = lane.ledger.get(arrival.number)
        if now is None or now.state is not ArrivalState.SEEN or self._spool.is_deferred(lane.name, now.arrival_id):
            return
        if leaving.is_there(Path(arrival.path)):
            _skip_unmatched(lane.listing, lane.ledger, arrival)
        elif not lane.folder_trouble():
            record_vanished(lane.ledger, arrival, self._failures)


def break_s(scan_s: float) -> float:
    """Return the pause after a scan: ten times its duration, but not minutes for a folder of 100,000 files."""
    return max(_BREAK_S, min(10 * scan_s, _LONG_BREAK_S), 2 * scan_s)


def _note_archived(scan: FolderScan) -> None:
    """Update known arrivals to their archived state before the folder is listed: a listed difference is another source."""
    while scan.archived:
        arrival = scan.archived.popleft()
        known = scan.known.get(arrival.path)
        if known is not None and known.arrival_id == arrival.arrival_id:
            scan.known[arrival.path] = arrival


def _drop_ignored(lane: Lane, listing: dict[str, FileStamp]) -> None:
    """Remove from a listing the sources that an earlier archive is processing or has left there."""
    if not (lane.predecessors.ignored or lane.predecessors.lanes):
        return
    unknown = [path for path in listing if path not in lane.scan.known]
    there = frozenset(unknown)
    at: dict[str, Arrival] = {}
    for predecessor in (predecessor for predecessor in lane.predecessors.lanes if predecessor.archive):
        at |= predecessor.ledger.latest_at(unknown)
    taken = {path: a.stamp for path, a in at.items() if a.state is not ArrivalState.SEEN}
    new = {path for path in taken if not lane.accounts_for(at[path], listing[path])}
    is_away = any(predecessor.archive is None for predecessor in lane.predecessors.lanes)
    still = {
        path: stamp
        for path, stamp in lane.predecessors.ignored.items()
        if is_away or (path in there and stamp.matches(listing[path]))
    }
    lane.predecessors.ignored = {path: stamp for path, stamp in (still | taken).items() if path not in new}
    for path in lane.predecessors.ignored:
        listing.pop(path, None)


def _give_back(lane: Lane, private_paths: Sequence[str]) -> bool:
    """Rename sources back that a crash left under private names; return whether any was renamed. The others are logged once.

    None is renamed while the archive is away: only its ledger knows whether a source was sent.
    """
    waiting = {} if lane.away else give_back(lane, private_paths)
    for path in [path for path in lane.scan.reported if leaving.is_private(os.path.basename(path))]:  # noqa: PTH119 (strings)
        if path not in waiting:
            lane.scan.reported.discard(path)
    for path, reason in waiting.items():
        _log_fault(lane.scan, lane.name, path, reason)
    return not lane.away and len(waiting) < len(private_paths)


def _sighting(path: str, now: FileStamp) -> Sighting:
    return Sighting(path=path, size_bytes=now.size_bytes, mtime_ns=now.mtime_ns, inode=now.inode)


def _skip_unmatched(listing: SourceListing, ledger: Ledger, arrival: Arrival) -> None:
    """Skip a source that current patterns do not match: it was entered by other ones, or before the code was loaded."""
    if not listing.matches(arrival.path):
        ledger.change(
            arrival,
            ArrivalState.SKIPPED,
            reason="the station's own" if listing.is_spared(arrival.path) else "no pattern of its converter matches it",
            moved_to="left where it lies",
        )


def _with_stamp(arrival: Arrival, now: FileStamp) -> Arrival:
    return arrival if now.matches(arrival) else replace(arrival, size_bytes=now.size_bytes, mtime_ns=now.mtime_ns)


def _log_fault(scan: FolderScan, converter: str, path: str, fault: str) -> None:
    if path not in scan.reported:
        scan.reported.add(path)
        log_of(Origin(converter_name=converter, path=path)).error("source.ignored", reason=fault)
