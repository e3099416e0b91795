"""The service of a station: recover, watch, convert, submit, post-process, until it is told to stop or nothing waits."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog

from pywats_archive.archive import record
from pywats_archive.archive.alone import is_of_one
from pywats_archive.archive.core import Archive
from pywats_archive.archive.uptime import uptime
from pywats_archive.config import StationConfig
from pywats_archive.conversion.outbox import Outbox
from pywats_archive.conversion.parcels import Parcel
from pywats_archive.conversion.processes import ConverterProcesses
from pywats_archive.errors import ArchiveError, ConversionInterrupted, WorkersUnavailable
from pywats_archive.host.configfile import read_station_config
from pywats_archive.host.serverclock import ServerClock
from pywats_archive.host.submission import Submitter
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.pipeline import decide, owed
from pywats_archive.pipeline.afterwards import Afterwards
from pywats_archive.pipeline.alerts import UNAVAILABLE
from pywats_archive.pipeline.beside import Announcing, Beside
from pywats_archive.pipeline.busy import Busy
from pywats_archive.pipeline.configuring import ConfigVerdicts
from pywats_archive.pipeline.dispatch import Dispatch
from pywats_archive.pipeline.folders import FolderEvents
from pywats_archive.pipeline.forgotten import Forgotten
from pywats_archive.pipeline.gone import Gone
from pywats_archive.pipeline.guard import Guard
from pywats_archive.pipeline.handling import Handling
from pywats_archive.pipeline.held import HeldSources, key
from pywats_archive.pipeline.line import Line
from pywats_archive.pipeline.lines import add_formers, is_finished, make_lines
from pywats_archive.pipeline.metrics import Metrics
from pywats_archive.pipeline.refusals import Refusals
from pywats_archive.pipeline.scheduling import Schedules
from pywats_archive.pipeline.server_watch import ServerWatch
from pywats_archive.pipeline.staffing import Staff
from pywats_archive.pipeline.tally import Tally
from pywats_archive.pipeline.timekeeping import Timekeeping
from pywats_archive.pipeline.unarchived import MemoryParcel
from pywats_archive.pipeline.unready import Unready
from pywats_archive.pipeline.vitals import Vitals
from pywats_archive.pipeline.watcher import Watcher
from pywats_archive.pipeline.work import URGENT, WorkQueue

log = structlog.get_logger()

RESCAN_S = 60.0
CONFIG_CHECK_S = 2.0
_TICK_S = 0.2
_QUIET_TICK_S = 1.0
_BREATH_S = 0.05
"""Everything that ends wakes the main loop, which has nothing urgent to do."""
_SAME_STOP_S = 1.0
"""A signal may come twice at once: to the process, and to its group."""


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
    accept_notes: bool = False
    """Take notes in Done that this station did not sign: a person vouches for them."""
    metrics: str | None = None
    """Where Prometheus may ask for figures: ``PORT`` or ``HOST:PORT``; None for nowhere."""
    clock: Clock = utc_now


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """What could not be brought to its end, and how the rest of this run ended."""

    waiting: tuple[str, ...] = ()
    """One line each: what, and why."""
    ended: dict[str, int] = field(default_factory=dict)
    """Sources by the state in which they ended, such as ``done``."""


class Service:
    """Runs one configuration; ``run`` blocks, ``stop`` and ``reload`` may be called from any thread.

    Not from a signal handler: it may find a lock taken by the very code that it interrupts.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._now = settings.clock
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._held = HeldSources(impatient=settings.until_idle)
        self._lines: list[Line] = []
        self._busy = Busy(lambda: self._lines)
        self._tally = Tally()
        self._asked_to_stop_s = 0.0
        self._interrupt: Callable[[], None] = lambda: None
        self._server_clock = ServerClock(lambda: uptime().seconds)

    def run(self) -> Left:
        """Run until stopped, or until nothing waits; gives what is left. ConfigError and ArchiveInUse come at once."""
        self._config_stamp = _stamp(self._settings.config_path)  # before it is read, for it may change meanwhile
        self._station = read_station_config(self._settings.config_path)
        log.info("service.starting", configuration=str(self._settings.config_path), process=os.getpid())
        self._announcing = Announcing(self._station)
        processes = ConverterProcesses(self._settings.processes or os.cpu_count() or 2, stopping=self._stopping)
        self._interrupt = processes.close
        try:
            with Staff(
                processes,
                config_path=self._station.path,
                clock=self._now,
                repair=self._settings.repair,
                accept_notes=self._settings.accept_notes,
            ) as staff:
                self._staff = staff
                staff.alerts.on_news = self._announcing.tell
                return self._run(processes)
        except ConversionInterrupted:  # stopped while it started
            return Left(ended=self._tally.counts)
        finally:
            self._announcing.close()
            processes.close()
            log.info("service.stopped")

    def stop(self) -> None:
        """End gracefully: what is being converted is finished, nothing new is begun.

        Asked once more, a while later, it interrupts what is being converted: that goes on at the next start.
        """
        if not self._stopping.is_set():
            log.info("service.stopping")
            self._asked_to_stop_s = time.monotonic()
        elif time.monotonic() - self._asked_to_stop_s > _SAME_STOP_S:
            log.warning("service.interrupted")
            self._interrupt()
        self._stopping.set()
        self._wake.set()

    def reload(self) -> None:
        """Take the configuration again, changed or not."""
        self._config_stamp = None
        self._wake.set()

    def _run(self, processes: ConverterProcesses) -> Left:
        self._lines = make_lines(self._station, self._staff)
        self._staff.close_unused(self._lines)
        with self._metrics():
            return self._serve(processes)

    @contextmanager
    def _metrics(self) -> Iterator[None]:
        """Answer Prometheus meanwhile, if that is wanted."""
        if not self._settings.metrics:
            yield
            return
        metrics = Metrics(
            self._settings.metrics, lambda: self._staff.archives, self._staff.alerts, using=self._busy.using
        )
        try:
            yield
        finally:
            metrics.close()

    def _serve(self, processes: ConverterProcesses) -> Left:
        self._outbox = Outbox(
            lambda: Submitter(self._station.server, on_answer=self._server_clock.hear),
            lambda: self._staff.archives,
            on_settled=self._settled,
            clock=self._now,
            impatient=self._settings.until_idle,
        )
        self._afterwards = Afterwards(self._staff.alerts)
        self._refusals = Refusals(self._staff.alerts, clock=self._now)
        self._handling = Handling(
            processes,
            self._outbox,
            clock=self._now,
            failing=self._staff.failing,
            promises=self._staff.promises,
            tally=self._tally,
            afterwards=self._afterwards,
            stuck=self._staff.stuck,
            on_held=self._refusals.note,
        )
        self._server_watch = ServerWatch(self._staff.alerts, lambda: self._staff.archives)
        self._forgotten = Forgotten(self._staff.alerts)
        self._verdicts = ConfigVerdicts(self._settings.config_path, self._staff.alerts)
        self._gone = Gone(self._staff)
        self._schedules = Schedules(
            processes, self._outbox, clock=self._now, on_held=self._refusals.note, parts=self._staff.parts
        )
        self._events = FolderEvents(self._wake)
        self._guard = Guard(self._staff, on_back=self._go_on, on_folder=self._listen)
        self._work = WorkQueue(threads=2 * processes.count + 2, stopping=self._stopping, on_end=self._wake.set)
        self._dispatch = Dispatch(
            self._work,
            self._handling,
            self._held,
            self._busy,
            lines=lambda: self._lines,
            unexpected=self._staff.unexpected,
            stuck=self._staff.stuck,
        )
        self._watcher = Watcher(
            self._held,
            self._handling,
            self._staff.failing,
            self._dispatch.take,
            self._guard.note_failure,
            self._staff.unexpected,
            Unready(self._staff.alerts),
            self._staff.alerts,
            impatient=self._settings.until_idle,
        )
        self._vitals = Vitals(self._staff, self._outbox, self._work, subject=str(self._settings.config_path))
        self._outbox.start()
        self._beside = Beside(
            lambda: self._lines,
            self._staff,
            timekeeping=Timekeeping(
                alerts=self._staff.alerts, heard=self._server_clock, server=lambda: self._station.server, now=self._now
            ),
            is_busy=lambda: self._work.busy_count > 0,
            using=self._busy.using,
        )
        try:
            self._begin()
            left = self._watch()
            self._look_after(all_of_them=True)
            self._vitals.end()
            return left
        except BaseException:  # it is to be started again soon: what runs is interrupted, and goes on then
            self._stopping.set()
            processes.close()
            raise
        finally:
            self._events.close()
            self._beside.close()
            self._work.close()
            self._outbox.close()
            self._schedules.close()

    def _begin(self) -> None:
        """Go on with what an earlier run left unfinished (invariant 5)."""
        self._guard.look(self._lines, time.monotonic())
        self._listen()
        self._schedules.plan(self._lines)
        self._part("pending", partial(self._forgotten.look, self._lines, self._staff.archives))
        for line in self._lines:
            self._take_up(line)
            self._afterwards.take_up(line)
            _miss_results(line)
        self._part("gone", partial(self._gone.look, self._lines, self._station))
        self._verdicts.accept(self._station)
        log.info("service.started", converters=[line.name for line in self._lines])

    def _listen(self) -> None:
        self._events.watch(
            line.config.watch_folder for line in self._lines if line.takes_new and not line.is_folder_away
        )

    def _go_on(self, line: Line) -> None:
        """Try at once what waited for a line's archive."""
        self._held.try_at_once(line)
        line.is_dirty = True
        try:
            if line.is_unasked and not line.away:
                formers = add_formers(line, self._station, self._staff)
                self._lines = [*self._lines, *formers]
                for former in formers:
                    self._take_up(former)
                self._gone.look(self._lines, self._station)
            self._take_up(line)
        except ArchiveError as exc:
            self._guard.note_failure(line, exc)
        self._outbox.reconnect()

    def _take_up(self, line: Line) -> None:
        if line.is_taken:
            return
        self._staff.settle_owed(line)
        line.owed |= owed.numbers(line.config) if line.watches else set()
        in_hand: set[str] = set()
        for arrival in line.books.unfinished():
            if arrival.state is ArrivalState.SEEN:
                line.known[arrival.path] = arrival
                line.repeated.add(arrival.path)
                line.changed |= {arrival.path} & in_hand
            else:
                in_hand.add(arrival.path)
                self._alone(line, arrival, self._resume)

    def _alone(self, line: Line, arrival: Arrival, act: Callable[[Line, Arrival], None]) -> None:
        """Act on one source; an error that concerns it alone makes it wait, and keeps nothing from the others."""
        try:
            act(line, arrival)
        except Exception as exc:
            if not is_of_one(exc):
                raise
            self._held.hold(line, arrival, self._staff.unexpected.note(line, arrival.path, exc))

    def _resume(self, line: Line, arrival: Arrival) -> None:
        if arrival.state is ArrivalState.SUSPENDED or arrival.arrival_id in line.active:
            return
        if arrival.state in (ArrivalState.ARCHIVED, ArrivalState.CONVERTING):
            self._dispatch.take(line, arrival)
        elif line.archive and arrival.archive_id and not _waits_for_server(line.archive, arrival.archive_id):
            self._dispatch.finish(line, arrival)

    def _watch(self) -> Left:
        last_rescan = last_config_check = last_retry = 0.0
        while not self._stopping.is_set():
            now_s = time.monotonic()
            rescan = now_s - last_rescan >= RESCAN_S
            if rescan:
                last_rescan = now_s
                self._part("pending", self._forgotten.look_again)
            changed = self._events.take()
            self._vitals.look(now_s)
            self._part("guard", partial(self._guard.look, self._lines, now_s))
            self._part("reports", partial(self._look_at_reports, now_s, again=rescan))
            for line in self._lines:
                line.is_dirty = line.is_dirty or rescan or line.config.watch_folder in changed
                is_there = line.takes_new and not line.is_folder_away
                if is_there and (line.is_dirty or line.pending) and line.next_scan_s <= now_s:
                    self._watcher.scan(line)
            if now_s - last_retry >= _QUIET_TICK_S or self._settings.until_idle:
                last_retry = now_s
                self._retry(now_s)
            if now_s - last_config_check >= CONFIG_CHECK_S or self._work.is_held:
                last_config_check = now_s
                self._reload_if_changed()
            if self._settings.until_idle and (left := self._try_left()) is not None:
                self._look_at_reports(now_s, again=True)
                return left
            is_active = any(line.takes_new and (line.is_dirty or line.pending) for line in self._lines)
            self._wake.wait(_TICK_S if is_active else _QUIET_TICK_S)
            self._stopping.wait(_BREATH_S)
            self._wake.clear()
        return Left(ended=self._tally.counts)

    def _look_at_reports(self, now_s: float, *, again: bool = False) -> None:
        state = self._outbox.state
        self._server_watch.look(state, self._station.server.service_address, now_s)
        self._refusals.look(self._staff.archives, again=again)
        if again and state.trouble is None:
            self._refusals.look_for_overdue(self._staff.archives)

    def _retry(self, now_s: float) -> None:
        """Queue what is suspended and due, and what is owed to an archive."""
        for line in self._lines:
            try:
                self._retry_line(line, now_s)
                self._staff.unexpected.over(line, line.name)
            except ArchiveError as exc:
                self._guard.note_failure(line, exc)
            except Exception as exc:
                self._staff.unexpected.note(line, line.name, exc)
        self._part("afterwards", self._look_after)
        self._part("without archive", self._handling.unarchived.retry_unfinished)
        self._part("schedules", self._run_schedules)

    def _run_schedules(self) -> None:
        self._schedules.retry_held()
        for line in self._schedules.due():
            self._dispatch.put(self._schedules.run, line, priority=line.config.priority)

    def _part(self, name: str, act: Callable[[], object]) -> None:
        """Do one of the things that the main loop does for all lines; what goes wrong in it ends nothing else."""
        self._staff.parts.run(name, str(self._settings.config_path), act)

    def _look_after(self, *, all_of_them: bool = False) -> None:
        """Archive what was written to after it left; all that is remembered, here and now, when the service ends."""
        for left in self._afterwards.due(all_of_them=all_of_them):
            line = next((e for e in self._lines if (e.name, e.root) == (left.line.name, left.line.root)), left.line)
            if all_of_them:
                self._afterwards.archive(line, left)
            else:
                self._dispatch.put(self._afterwards.archive, line, left, priority=URGENT)

    def _retry_line(self, line: Line, now_s: float) -> None:
        is_available = self._is_available(line, now_s)
        if line.away or line.is_taken:
            return
        self._staff.settle_owed(line)
        if line.is_finishing and is_finished(line):
            self._dismiss(line)
            return
        if not is_available:
            return
        for arrival in line.books.suspended():
            due = decide.is_due(arrival, self._now()) or self._settings.until_idle
            if due and arrival.arrival_id not in line.active and self._held.may_try(line, arrival, now_s):
                self._alone(line, arrival, self._dispatch.take)
        self._resume_held(line, now_s)

    def _dismiss(self, line: Line) -> None:
        """Let a line go that has brought to its end what its archive had, unless something of it is going on."""
        with self._busy.halted(line) as is_idle:
            if not is_idle:
                return
            self._lines = [each for each in self._lines if each is not line]
        for each in self._lines:
            each.formers = tuple(former for former in each.formers if former is not line)
        self._staff.close_unused(self._lines)
        log.info("archive.finished", converter=line.name, root=str(line.root))

    def _is_available(self, line: Line, now_s: float) -> bool:
        """Tell whether a line's converter can be loaded; while it cannot, that is tried again now and then."""
        if trouble := line.unavailable:
            is_for_workers = isinstance(trouble, WorkersUnavailable)
            if not is_for_workers:  # that is one alert for all
                self._staff.alerts.raise_alert(UNAVAILABLE, line.name, reason=str(trouble))
            are_back = is_for_workers and self._staff.processes.trouble is None
            if line.look_again_s <= now_s or (are_back and line.look_again_s != float("inf")):
                line.look_again_s = float("inf")
                self._dispatch.put(self._staff.describe, line, priority=URGENT)
            return False
        if not any(each.unavailable for each in self._lines if each.name == line.name):
            self._staff.alerts.clear(UNAVAILABLE, line.name)
        if line.is_available_again:
            line.is_available_again = False
            self._schedules.plan(self._lines)
            self._go_on(line)
        return True

    def _resume_held(self, line: Line, now_s: float) -> None:
        """Try again what failed after its source was archived: its state is past what a scan looks for."""
        for number in self._held.due(line, now_s):
            arrival = line.books.get(number)
            is_left_to_others = arrival is None or arrival.state in (ArrivalState.SEEN, ArrivalState.SUSPENDED)
            if arrival is None:  # it was of other books, such as those while the archive was away
                self._held.forget(line, number)
            if arrival is None or is_left_to_others or number in line.active:
                continue
            if arrival.state.is_final:
                self._held.release(line, arrival)
            else:
                self._alone(line, arrival, self._resume)

    def _settled(self, parcel: Parcel, state: SubmissionState, reason: str | None) -> None:
        if state is SubmissionState.REFUSED:
            self._refusals.note(parcel.converter if isinstance(parcel, MemoryParcel) else None, reason)
        if not self._dispatch.settled(parcel, state, reason):
            self._wake.set()

    def _reload_if_changed(self) -> None:
        """Take a changed configuration once what is going on has ended: nothing more is begun until then.

        So it waits for the longest conversion, not for a moment without work. What was queued is dropped: the new lines
        find it in their books, or in their folders.
        """
        stamp = _stamp(self._settings.config_path)
        if stamp == self._config_stamp:
            self._work.go_on()
            return
        try:
            station = read_station_config(self._settings.config_path)
            if not self._work.hold():
                return
            lines = make_lines(station, self._staff, before=self._lines)
        except Exception as exc:
            self._verdicts.reject(exc)
        else:
            self._try_to_take_over(station, lines)
        self._config_stamp = stamp
        self._work.go_on()

    def _try_to_take_over(self, station: StationConfig, lines: list[Line]) -> None:
        """Take a configuration over; where that fails half-way, go back to the last good one."""
        before = self._station
        try:
            self._take_over(station, lines)
        except Exception as exc:
            self._verdicts.reject(exc)
            self._take_over(before, make_lines(before, self._staff, before=self._lines))
        else:
            self._verdicts.accept(station)

    def _take_over(self, station: StationConfig, lines: list[Line]) -> None:
        self._work.forget()
        before = self._lines
        if station.server != self._station.server:
            self._server_clock.forget()
        self._station, self._lines = station, lines
        if not any(line.busy for line in before):
            self._staff.close_unused(lines)
        self._beside.relieve(lines)
        self._announcing.reload(station)
        for name in {line.name for line in before} - {line.name for line in lines}:
            self._staff.alerts.clear(UNAVAILABLE, name)
        self._staff.failing.begin_anew()
        self._staff.stuck.begin_anew()
        self._guard.look_again(lines)
        self._watcher.look_after(lines)
        self._listen()
        self._schedules.begin_anew(lines)
        self._outbox.reconnect()
        self._part("pending", partial(self._forgotten.look, lines, self._staff.archives))
        for line in lines:
            try:
                self._take_up(line)
            except ArchiveError as exc:
                self._guard.note_failure(line, exc)
        self._part("gone", partial(self._gone.look, lines, station))
        log.info("config.reloaded", converters=[line.name for line in lines])

    def _try_left(self) -> Left | None:
        try:
            return self._left()
        except ArchiveError as exc:  # the guard finds out what has become of it
            log.error("archive.not_read", reason=str(exc))
            return None

    def _left(self) -> Left | None:
        """Tell what is left once nothing more can happen by itself; None while something can."""
        if self._work.busy_count:
            return None
        if not self._beside.is_settled:  # before the rooms are asked: what was purged just now makes some
            return None
        held = self._held.needing_person()
        kept = [line for line in self._lines if not (line.holds_back or line.is_folder_away)]
        open_ones = {(line.name, line.root, number) for line in kept for number in line.pending}
        going_on = [line for line in self._lines if not (line.unavailable or line.is_taken)]
        open_ones |= {key(line, a) for line in going_on for a in line.books.suspended()}
        waiting = sum(record.waiting_reports(archive) for archive in self._staff.archives)
        outbox = (
            self._outbox.state
        )  # after the count: what the server took just now is in flight until its end is queued
        is_stuck = outbox.stopped_by or waiting <= len(outbox.unsendable)
        waits_in_memory = outbox.offered if not outbox.stopped_by else 0
        is_moving = self._work.busy_count or outbox.in_flight or waits_in_memory or (waiting and not is_stuck)
        if (
            is_moving
            or not open_ones <= held.keys()
            or self._held.is_any_called
            or any(line.takes_new and line.is_dirty for line in self._lines if not line.is_folder_away)
        ):
            return None
        why = outbox.stopped_by or "; ".join(each.reason for each in outbox.unsendable)
        waiting += outbox.only_in_memory
        stopped = (f"{waiting} report(s) wait: {why}",) if waiting else ()
        unread = (f"{path}: left, see the log" for line in self._lines for path in line.reported)
        in_memory = (*self._handling.unarchived.left(), *self._schedules.left())
        elsewhere = (*self._guard.left(self._lines), *self._staff.still_owed(self._lines), *self._gone.left())
        told = (*held.values(), *self._staff.unexpected.left(), *in_memory, *stopped, *unread, *elsewhere)
        return Left(waiting=tuple(dict.fromkeys(told)), ended=self._tally.counts)


def _miss_results(line: Line) -> None:
    """Account for scheduled results that an earlier run had entered and not archived: they were in its memory alone."""
    for arrival in line.books.unfinished() if line.archive and not line.watches else ():
        if arrival.state is ArrivalState.SEEN:
            line.books.mark_vanished(arrival)
            log.error("scheduled.lost", converter=line.name, result=arrival.path)


def _waits_for_server(archive: Archive, archive_id: str) -> bool:
    return any(r.submission_state is SubmissionState.WAITING for r in archive.reports_of(archive_id))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
