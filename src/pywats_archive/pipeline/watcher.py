"""Watch folders: what is new is entered in the ledger, what is whole is taken, what is gone is missed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

import structlog

from pywats_archive.archive import sources
from pywats_archive.archive.alone import each_alone, is_of_one
from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.sources import Signature
from pywats_archive.errors import ArchiveError, StorageError
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.pipeline import sharing
from pywats_archive.pipeline.alerts import UNREADABLE, Alerts
from pywats_archive.pipeline.books import REPLACED_BEFORE
from pywats_archive.pipeline.failing import Failing
from pywats_archive.pipeline.handling import Handling
from pywats_archive.pipeline.held import HeldSources
from pywats_archive.pipeline.identity import is_as_known
from pywats_archive.pipeline.line import Line, mark_of
from pywats_archive.pipeline.unexpected import Unexpected
from pywats_archive.pipeline.unready import Unready

log = structlog.get_logger()

_BREAK_S, _LONG_BREAK_S = 0.2, 5.0


class Watcher:
    """Compares folders with the ledger; what may be taken goes to ``enqueue``, a ledger that fails to ``on_failure``."""

    def __init__(
        self,
        held: HeldSources,
        handling: Handling,
        failing: Failing,
        enqueue: Callable[[Line, Arrival], None],
        on_failure: Callable[[Line, ArchiveError], None],
        unexpected: Unexpected,
        unready: Unready,
        alerts: Alerts,
        *,
        impatient: bool = False,
    ) -> None:
        """``impatient`` does not wait for sources without bytes to be written."""
        self._alerts = alerts
        self._held = held
        self._handling = handling
        self._failing = failing
        self._enqueue = enqueue
        self._on_failure = on_failure
        self._unexpected = unexpected
        self._unready = unready
        self._impatient = impatient

    def look_after(self, lines: Iterable[Line]) -> None:
        """Watch for these lines alone: what is wrong with a folder that none of them has is nobody's trouble."""
        folders = {line.config.watch_folder for line in lines if line.takes_new}
        for alert in self._alerts.open:
            if alert.name == UNREADABLE and alert.subject not in folders:
                self._alerts.clear(UNREADABLE, alert.subject)

    def scan(self, line: Line) -> None:
        """List a line's folder and act on it; a folder that cannot be read is complained of once."""
        began_s = time.monotonic()
        _take_note(line)
        try:
            listing, strange = line.listing()
            line.reported.discard(line.config.watch_folder)
            self._alerts.clear(UNREADABLE, line.config.watch_folder)
            for path in strange:
                _complain(
                    line, path, "is neither a file nor a folder, or cannot be looked at; it is left and never opened"
                )
            self._account(line, listing, began_s)
            self._unexpected.over(line, line.config.watch_folder)
        except OSError as exc:
            _complain(line, line.config.watch_folder, f"cannot be read ({exc.strerror})")
            self._alerts.raise_alert(UNREADABLE, line.config.watch_folder, reason=str(exc), converter=line.name)
            line.is_dirty = False
        except ArchiveError as exc:
            log.error("ledger.failed", converter=line.name, reason=str(exc))
            for each in (line, *line.formers):
                self._on_failure(each, exc)
        except Exception as exc:
            self._unexpected.note(line, line.config.watch_folder, exc)
        line.next_scan_s = time.monotonic() + break_s(time.monotonic() - began_s)

    def _account(self, line: Line, listing: dict[str, Signature], now_s: float) -> None:
        """Compare a listing with the ledger: enter what is new, queue what is whole, miss what is gone.

        The ledger is younger than the listing: what is new by it, and gone, is a source that left in between. What is
        released while this goes on is known as it was before, so it counts as active until the next time.
        """
        held = self._handling.unarchived.lying(line)
        for path in [p for p, each in held.items() if p in listing and any(is_as_known(a, listing[p]) for a in each)]:
            listing.pop(path)
        _leave_out(line, listing)
        line.is_dirty = False
        line.were_active = frozenset(line.active)  # before the stale ones are dropped: they are released in between
        if line.stale:
            sharing.wake_later(line)
        while line.stale:
            line.known.pop(line.stale.popleft(), None)
        self._enter(line, listing, {a.arrival_id for each in held.values() for a in each})
        waiting = {p: s for p, s in listing.items() if p in line.known and _waits_to_settle(line, line.known[p])}
        whole = line.stability.observe(waiting, now_s, impatient=self._impatient)
        for path in () if line.holds_back else whole:
            arrival = _as_it_lies(line.known[path], waiting[path])
            try:
                if self._held.may_try(line, arrival, now_s):
                    self._enqueue(line, arrival)
            except Exception as exc:
                self._hold(line, arrival, exc)
        self._miss(line, listing)
        self._unready.look(line, listing, now_s)
        line.pending = {a.number for a in line.known.values() if _waits_to_settle(line, a)}

    def _enter(self, line: Line, listing: dict[str, Signature], held: AbstractSet[int | None]) -> None:
        """Enter what is new; what the ledger cannot say of, or take, is left out of the listing and waits alone.

        ``held`` are the arrivals whose reports memory has: what is listed at their paths is not theirs.
        """

        def leave_out(path: str, error: Exception) -> None:
            listing.pop(path, None)
            self._unexpected.note(line, path, error)

        unknown = [path for path in listing if path not in line.known]
        if not unknown:
            line.books.latest_at(unknown)  # books that have just lost their archive take note that nothing lies there
        for found in filter(None, each_alone(line.books.latest_at, unknown, leave_out)):
            line.known |= {path: known for path, known in found.items() if not sharing.is_abandoned(line, known)}
            sharing.wake_later(line)
        sharing.leave_to_others(line, listing)
        new = [path for path in listing if self._is_new(line, path, listing, held)]
        new = sharing.not_in_other_hands(line, new, listing)
        sightings = [_sighting(path, listing[path]) for path in new]
        for entered in each_alone(line.books.enter, sightings, lambda one, error: leave_out(one.path, error)):
            for arrival in entered:
                line.known[arrival.path] = arrival

    def _is_new(self, line: Line, path: str, listing: dict[str, Signature], held: AbstractSet[int | None]) -> bool:
        """Whether another source lies at ``path`` than those that are known there.

        The ledger may be younger than the listing: the path is looked at again before what it says is believed.
        """
        known = line.known.get(path)
        if known is None:
            return os.path.lexists(path)
        if known.arrival_id not in held and (_is_in_hand(line, known) or line.accounts_for(known, listing[path])):
            return False
        there = [arrival for arrival in line.books.of_path(path) if arrival.arrival_id not in held]
        try:
            listing[path] = now = sources.signature(Path(path))
        except (OSError, StorageError):
            return False
        for arrival in there:
            if _is_in_hand(line, arrival) or line.accounts_for(arrival, now):
                line.known[path] = arrival
                return False
        for arrival in there:
            if arrival.state is ArrivalState.SEEN:
                self._miss_replaced(line, arrival)
        line.repeated.add(path)
        if known.arrival_id in held or any(not arrival.state.is_final for arrival in there):
            line.changed.add(path)  # what lies there may be replaced at any time
        return True

    def _miss_replaced(self, line: Line, arrival: Arrival) -> None:
        line.books.mark_vanished(arrival, reason=REPLACED_BEFORE)
        self._failing.over(line.name, arrival.number)
        log.error("source.vanished", converter=line.name, path=arrival.path, reason=REPLACED_BEFORE)

    def _hold(self, line: Line, arrival: Arrival, error: Exception) -> None:
        """Leave one source alone for a while; what concerns the archive is raised."""
        if not is_of_one(error):
            raise error
        self._held.hold(line, arrival, self._unexpected.note(line, arrival.path, error))

    def _miss(self, line: Line, listing: dict[str, Signature]) -> None:
        for path in [path for path in line.known if path not in listing]:
            arrival = line.known.pop(path)
            try:
                self._miss_one(line, arrival)
            except Exception as exc:
                self._hold(line, arrival, exc)
        for path in self._unexpected.noted(line):
            if path not in listing and not os.path.lexists(path):
                self._unexpected.over(line, path)

    def _miss_one(self, line: Line, arrival: Arrival) -> None:
        if arrival.state is not ArrivalState.SEEN or arrival.arrival_id in line.active:
            return
        now = line.books.get(arrival.number)
        if now is None or now.state is not ArrivalState.SEEN or now.arrival_id in line.owed:
            return
        if os.path.lexists(arrival.path):
            _leave_unmatched(line, arrival)
        elif not line.folder_trouble():
            line.books.mark_vanished(arrival)
            self._failing.over(line.name, arrival.number)
            log.error("source.vanished", converter=line.name, path=arrival.path)


def break_s(scan_s: float) -> float:
    """Give how long to leave a folder alone after a scan: ten times its own time, but with 100,000 files not for minutes."""
    return max(_BREAK_S, min(10 * scan_s, _LONG_BREAK_S), 2 * scan_s)


def _take_note(line: Line) -> None:
    """Know what was archived before the folder is listed: what differs from that in the listing is another source."""
    while line.archived:
        arrival = line.archived.popleft()
        known = line.known.get(arrival.path)
        if known is not None and known.arrival_id == arrival.arrival_id:
            line.known[arrival.path] = arrival


def _leave_out(line: Line, listing: dict[str, Signature]) -> None:
    """Take out of a listing what an archive used before has in hand, or has left there."""
    if not (line.left or line.formers):
        return
    unknown = [path for path in listing if path not in line.known]
    there = {path: (listing[path].size_bytes, listing[path].mtime_ns) for path in unknown}
    at: dict[str, Arrival] = {}
    for former in (former for former in line.formers if former.archive):
        at |= former.books.latest_at(unknown)
    taken = {path: mark_of(a) for path, a in at.items() if a.state is not ArrivalState.SEEN}
    new = {path for path in taken if not line.accounts_for(at[path], listing[path])}
    is_away = any(former.archive is None for former in line.formers)
    still = {path: mark for path, mark in line.left.items() if is_away or there.get(path) == mark}
    line.left = {path: mark for path, mark in (still | taken).items() if path not in new}
    for path in line.left:
        listing.pop(path, None)


def _sighting(path: str, now: Signature) -> Sighting:
    return Sighting(path=path, size_bytes=now.size_bytes, mtime_ns=now.mtime_ns, inode=now.inode)


def _leave_unmatched(line: Line, arrival: Arrival) -> None:
    """Leave what was entered by other patterns: those of before, or of the configuration alone while its code was missing."""
    if not line.matches(arrival.path):
        line.books.change(
            arrival,
            ArrivalState.SKIPPED,
            reason="the station's own" if line.is_spared(arrival.path) else "no pattern of its converter matches it",
            moved_to="left where it lies",
        )


def _as_it_lies(arrival: Arrival, now: Signature) -> Arrival:
    is_same = (arrival.size_bytes, arrival.mtime_ns) == (now.size_bytes, now.mtime_ns)
    return arrival if is_same else replace(arrival, size_bytes=now.size_bytes, mtime_ns=now.mtime_ns)


def _waits_to_settle(line: Line, arrival: Arrival) -> bool:
    number = arrival.arrival_id
    return arrival.state is ArrivalState.SEEN and number not in line.active and number not in line.were_active


def _is_in_hand(line: Line, arrival: Arrival) -> bool:
    """Whether a source that was only seen is being taken, so that nobody knows yet what is archived of it."""
    number = arrival.arrival_id
    return arrival.state is ArrivalState.SEEN and (number in line.active or number in line.were_active)


def _complain(line: Line, path: str, fault: str) -> None:
    if path not in line.reported:
        line.reported.add(path)
        log.error("source.left", converter=line.name, path=path, reason=fault)
