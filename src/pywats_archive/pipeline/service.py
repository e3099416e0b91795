"""The service of a station: recover, watch, convert, submit, post-process, until it is told to stop or nothing waits."""

from __future__ import annotations

import itertools
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from pywats_archive import portable
from pywats_archive.archive import record
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.sources import Signature
from pywats_archive.conversion.outbox import ArchivedParcel, Outbox, Parcel
from pywats_archive.conversion.processes import ConverterProcesses
from pywats_archive.errors import ArchiveError, ConfigError
from pywats_archive.host.configfile import read_station_config
from pywats_archive.host.submission import Submitter
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.pipeline.converting import Waits
from pywats_archive.pipeline.folders import FolderEvents
from pywats_archive.pipeline.handling import Handling
from pywats_archive.pipeline.line import Line
from pywats_archive.pipeline.scheduling import Schedules
from pywats_archive.pipeline.staffing import Staff, make_lines

log = structlog.get_logger()

RESCAN_S = 60.0
CONFIG_CHECK_S = 2.0
HOLD_S = 5.0
_TICK_S = 0.2
_QUIET_TICK_S = 1.0
_BREATH_S = 0.05
"""Everything that ends wakes the main loop, which has nothing urgent to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How the service is run."""

    config_path: Path
    processes: int = 0
    """Converter processes; 0 for one per core."""
    until_idle: bool = False
    """Try everything that waits at once, and end when nothing waits."""
    repair: bool = False
    """Rebuild a catalog that is missing or damaged, at the start."""
    clock: Clock = utc_now


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """What could not be brought to its end."""

    waiting: tuple[str, ...] = ()
    """One line each: what, and why."""


class Service:
    """Runs one configuration; ``run`` blocks, ``stop`` may be called from any thread or signal handler."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._now = settings.clock
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._work: queue.PriorityQueue[tuple[int, int, Callable[[], None] | None]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._held: dict[tuple[str, int], _Held] = {}
        self._finishing: set[tuple[str, int]] = set()
        self._busy_count = 0
        self._mutex = threading.Lock()

    def run(self) -> Left:
        """Run until stopped, or until nothing waits; gives what is left. ConfigError and ArchiveInUse come at once."""
        self._station = read_station_config(self._settings.config_path)
        self._config_stamp = _stamp(self._settings.config_path)
        processes = ConverterProcesses(self._settings.processes or os.cpu_count() or 2)
        try:
            with Staff(processes, clock=self._now, repair=self._settings.repair) as staff:
                self._staff = staff
                return self._run(processes)
        finally:
            processes.close()

    def stop(self) -> None:
        """End gracefully: what is being converted is finished, nothing new is begun."""
        self._stopping.set()
        self._wake.set()

    def _run(self, processes: ConverterProcesses) -> Left:
        self._lines = make_lines(self._station, self._staff)
        self._outbox = Outbox(
            lambda: Submitter(self._station.server),
            lambda: self._staff.archives,
            on_settled=self._settled,
            clock=self._now,
            impatient=self._settings.until_idle,
        )
        self._handling = Handling(processes, self._outbox, clock=self._now)
        self._schedules = Schedules(processes, self._outbox, clock=self._now)
        self._events = FolderEvents(self._wake)
        self._worker_count = 2 * processes.count + 2
        workers = [threading.Thread(target=self._serve, name=f"worker-{n}") for n in range(self._worker_count)]
        for thread in workers:
            thread.start()
        self._outbox.start()
        try:
            self._begin()
            return self._watch()
        finally:
            self._events.close()
            for _ in workers:
                self._work.put((0, next(self._order), None))
            for thread in workers:
                thread.join()
            self._outbox.close()

    def _begin(self) -> None:
        """Go on with what an earlier run left unfinished (invariant 5)."""
        self._events.watch(line.config.watch_folder for line in self._lines if line.watches)
        self._schedules.plan(self._lines)
        for line in self._lines:
            self._take_up(line)
        log.info("service.started", converters=[line.name for line in self._lines])

    def _take_up(self, line: Line) -> None:
        self._staff.settle_owed(line)
        for arrival in line.books.unfinished():
            if arrival.state is ArrivalState.SEEN:
                line.known[arrival.path] = arrival
            else:
                self._resume(line, arrival)

    def _resume(self, line: Line, arrival: Arrival) -> None:
        if arrival.state is ArrivalState.SUSPENDED:
            return
        if arrival.state in (ArrivalState.ARCHIVED, ArrivalState.CONVERTING):
            self._enqueue(line, arrival)
        elif line.archive and arrival.archive_id and not _waits_for_server(line.archive, arrival.archive_id):
            self._finish_later(line, arrival)

    def _watch(self) -> Left:
        last_rescan = last_config_check = last_retry = 0.0
        while not self._stopping.is_set():
            now_s = time.monotonic()
            rescan = now_s - last_rescan >= RESCAN_S
            last_rescan = now_s if rescan else last_rescan
            changed = self._events.take()
            for line in self._lines:
                line.is_dirty = line.is_dirty or rescan or line.config.watch_folder in changed
                if line.watches and (line.is_dirty or line.pending) and line.next_scan_s <= now_s:
                    self._scan(line, time.monotonic())
            if now_s - last_retry >= _QUIET_TICK_S or self._settings.until_idle:
                last_retry = now_s
                self._retry(now_s)
            if now_s - last_config_check >= CONFIG_CHECK_S:
                last_config_check = now_s
                self._reload_if_changed()
            if self._settings.until_idle and (left := self._left()) is not None:
                return left
            is_active = any(line.watches and (line.is_dirty or line.pending) for line in self._lines)
            self._wake.wait(_TICK_S if is_active else _QUIET_TICK_S)
            self._stopping.wait(_BREATH_S)
            self._wake.clear()
        return Left()

    def _scan(self, line: Line, now_s: float) -> None:
        try:
            listing, strange = line.listing()
            line.reported.discard(line.config.watch_folder)
            for path in strange:
                self._complain(line, path, "is neither a file nor a folder; it is left and never opened")
            self._account(line, listing, now_s)
        except OSError as exc:
            self._complain(line, line.config.watch_folder, f"cannot be read ({exc.strerror})")
            line.is_dirty = False
        except ArchiveError as exc:
            log.error("ledger.failed", converter=line.name, reason=str(exc))
        except Exception:
            log.exception("service.unexpected", converter=line.name)
        line.next_scan_s = time.monotonic() + max(_TICK_S, 10 * (time.monotonic() - now_s))

    def _account(self, line: Line, listing: dict[str, Signature], now_s: float) -> None:
        """Compare a listing with the ledger: enter what is new, queue what is whole, miss what is gone.

        The ledger is younger than the listing: what is new by it, and gone, is a source that left in between. What is
        released while this goes on is known as it was before, so it counts as active until the next time.
        """
        line.is_dirty = False
        line.were_active = frozenset(line.active)  # before the stale ones are dropped: see _release
        while line.stale:
            line.known.pop(line.stale.popleft(), None)
        unknown = [path for path in listing if path not in line.known]
        line.known.update(line.books.latest_at(unknown))
        new = [path for path, now in listing.items() if _is_new(line.known.get(path), now) and os.path.lexists(path)]
        sightings = [Sighting(path=p, size_bytes=listing[p].size_bytes, mtime_ns=listing[p].mtime_ns) for p in new]
        for arrival in line.books.enter(sightings) if sightings else ():
            line.known[arrival.path] = arrival
        waiting = {p: s for p, s in listing.items() if p in line.known and self._waits_to_settle(line, line.known[p])}
        for path in line.stability.observe(waiting, now_s):
            arrival, signature = line.known[path], waiting[path]
            if self._may_try(line, arrival, now_s) and not portable.is_held_by_writer(Path(path)):
                self._enqueue(line, replace(arrival, size_bytes=signature.size_bytes, mtime_ns=signature.mtime_ns))
        self._miss(line, listing)
        line.pending = {_number(a) for a in line.known.values() if self._waits_to_settle(line, a)}

    def _miss(self, line: Line, listing: dict[str, Signature]) -> None:
        for path in [path for path in line.known if path not in listing]:
            arrival = line.known.pop(path)
            if arrival.state is ArrivalState.SEEN and arrival.arrival_id not in line.active:
                now = line.books.get(_number(arrival))
                is_missed = now is not None and now.state is ArrivalState.SEEN and now.arrival_id not in line.owed
                if is_missed and not os.path.lexists(path):
                    line.books.mark_vanished(arrival)
                    log.error("source.vanished", converter=line.name, path=path)

    def _waits_to_settle(self, line: Line, arrival: Arrival) -> bool:
        is_active = arrival.arrival_id in line.active or arrival.arrival_id in line.were_active
        return arrival.state is ArrivalState.SEEN and not is_active

    def _may_try(self, line: Line, arrival: Arrival, now_s: float) -> bool:
        held = self._held.get((line.name, _number(arrival)))
        return held is None or held.until_s <= now_s

    def _retry(self, now_s: float) -> None:
        """Queue what is suspended and due, and what is owed to an archive."""
        for line in self._lines:
            for arrival in line.books.suspended():
                due = arrival.retry_at is None or arrival.retry_at <= self._now() or self._settings.until_idle
                if due and arrival.arrival_id not in line.active and self._may_try(line, arrival, now_s):
                    self._enqueue(line, arrival)
            self._staff.settle_owed(line)
            self._resume_held(line, now_s)
        self._handling.unarchived.retry_unfinished()
        self._schedules.retry_held()
        for line in self._schedules.due():
            self._put(line, lambda line=line: self._schedules.run(line))  # type: ignore[misc]

    def _resume_held(self, line: Line, now_s: float) -> None:
        """Try again what failed after its source was archived: its state is past what a scan looks for."""
        due = [n for (name, n), held in self._held.items() if name == line.name and held.until_s <= now_s]
        for number in due:
            arrival = line.books.get(number)
            is_left_to_others = arrival is None or arrival.state in (ArrivalState.SEEN, ArrivalState.SUSPENDED)
            if arrival is None or is_left_to_others or number in line.active:
                continue
            if arrival.state.is_final:
                self._held.pop((line.name, number), None)
            else:
                self._resume(line, arrival)

    def _enqueue(self, line: Line, arrival: Arrival) -> None:
        line.active.add(_number(arrival))
        self._put(line, lambda: self._handle(line, arrival))

    def _finish_later(self, line: Line, arrival: Arrival) -> None:
        """Queue the end of a source, once: two reports may be settled in the same moment."""
        with self._mutex:
            if (line.name, _number(arrival)) in self._finishing:
                return
            self._finishing.add((line.name, _number(arrival)))
        self._put(line, lambda: self._finish(line, arrival), first=True)

    def _put(self, line: Line, work: Callable[[], None], *, first: bool = False) -> None:
        with self._mutex:
            self._busy_count += 1
        self._work.put((0 if first else line.config.priority, next(self._order), work))

    def _serve(self) -> None:
        while True:
            _, _, work = self._work.get()
            if work is None:
                return
            try:
                if not self._stopping.is_set():
                    work()
            except BaseException:
                log.exception("service.unexpected")
            finally:
                with self._mutex:
                    self._busy_count -= 1
                self._wake.set()

    def _handle(self, line: Line, arrival: Arrival) -> None:
        is_busy = self._work.qsize() > self._worker_count
        waits: Waits | None = Waits(reason="an unexpected error; see the log", needs_person=True)
        try:
            waits = self._handling.take(line, arrival, busy=is_busy)
        except ArchiveError as exc:
            waits = Waits(reason=str(exc), needs_person=True)
            log.error("source.waits", converter=line.name, path=arrival.path, reason=str(exc))
        finally:
            self._release(line, arrival, waits)

    def _release(self, line: Line, arrival: Arrival, waits: Waits | None) -> None:
        number = _number(arrival)
        if waits is None:
            self._held.pop((line.name, number), None)
        else:
            delay = HOLD_S if waits.needs_person else max(_TICK_S, line.config.settle_seconds)
            reason = f"{arrival.path}: {waits.reason}"
            self._held[line.name, number] = _Held(time.monotonic() + delay, reason, waits.needs_person)
        line.stale.append(arrival.path)
        if not self._handling.unarchived.holds(line, number):
            line.active.discard(number)
        line.is_dirty = True

    def _finish(self, line: Line, arrival: Arrival) -> None:
        waits: Waits | None = None
        try:
            known = line.books.get(_number(arrival)) or arrival
            if not known.state.is_final:
                self._handling.finish(line, known)
        except Exception as exc:
            waits = Waits(reason=str(exc), needs_person=True)
            log.error("source.not_finished", converter=line.name, path=arrival.path, reason=str(exc))
        finally:
            with self._mutex:
                self._finishing.discard((line.name, _number(arrival)))
            self._release(line, arrival, waits)

    def _settled(self, parcel: Parcel, state: SubmissionState, reason: str | None) -> None:
        arrival = self._handling.settled(parcel, state, reason)
        if arrival is None:
            self._wake.set()
        elif not arrival.state.is_final and isinstance(parcel, ArchivedParcel):
            for line in self._lines:
                if line.archive is parcel.archive and line.name == arrival.converter_name:
                    self._finish_later(line, arrival)

    def _complain(self, line: Line, path: str, fault: str) -> None:
        if path not in line.reported:
            line.reported.add(path)
            log.error("source.left", converter=line.name, path=path, reason=fault)

    def _reload_if_changed(self) -> None:
        stamp = _stamp(self._settings.config_path)
        if stamp == self._config_stamp or self._busy_count:
            return
        self._config_stamp = stamp
        try:
            station = read_station_config(self._settings.config_path)
            lines = make_lines(station, self._staff, before=self._lines)
        except (ConfigError, ArchiveError) as exc:
            log.error("config.not_taken", reason=str(exc))
            return
        self._station, self._lines = station, lines
        self._events.watch(line.config.watch_folder for line in lines if line.watches)
        self._schedules.plan(lines)
        self._outbox.reconnect()
        for line in lines:
            self._take_up(line)
        log.info("config.reloaded", converters=[line.name for line in lines])

    def _left(self) -> Left | None:
        """Tell what is left once nothing more can happen by itself; None while something can."""
        held = {key for key, each in self._held.items() if each.needs_person}
        open_ones = {(line.name, number) for line in self._lines for number in line.pending}
        open_ones |= {(line.name, _number(a)) for line in self._lines for a in line.books.suspended()}
        waiting = sum(record.waiting_reports(archive) for archive in self._staff.archives)
        outbox = (
            self._outbox.state
        )  # after the count: what the server took just now is in flight until its end is queued
        is_stuck = outbox.stopped_by or waiting <= len(outbox.unsendable)
        waits_in_memory = outbox.offered if not outbox.stopped_by else 0
        is_moving = self._busy_count or outbox.in_flight or waits_in_memory or (waiting and not is_stuck)
        if is_moving or not open_ones <= held or any(line.watches and line.is_dirty for line in self._lines):
            return None
        reasons = (each.reason for key, each in self._held.items() if key in held)
        why = outbox.stopped_by or "; ".join(outbox.unsendable)
        waiting += outbox.only_in_memory
        stopped = (f"{waiting} report(s) wait: {why}",) if waiting else ()
        unread = (f"{path}: left, see the log" for line in self._lines for path in line.reported)
        return Left(waiting=(*reasons, *stopped, *unread))


@dataclass(frozen=True, slots=True)
class _Held:
    until_s: float
    reason: str
    needs_person: bool


def _is_new(known: Arrival | None, now: Signature) -> bool:
    """Tell whether what lies there is another source than the one last known at its path."""
    if known is None:
        return True
    if not known.state.is_final:
        return known.state is ArrivalState.SUSPENDED and known.moved_to is not None
    is_same = (known.size_bytes, known.mtime_ns) == (now.size_bytes, now.mtime_ns)
    return known.moved_to is not None or not is_same


def _waits_for_server(archive: Archive, archive_id: str) -> bool:
    return any(r.submission_state is SubmissionState.WAITING for r in archive.reports_of(archive_id))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _number(arrival: Arrival) -> int:
    assert arrival.arrival_id is not None
    return arrival.arrival_id
