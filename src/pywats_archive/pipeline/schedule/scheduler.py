"""Scheduled converters: they run when they are due, and each result is archived and sent like that of a source."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from pywats_archive.archive import ledger
from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.results import document
from pywats_archive.archive.sources import ingest
from pywats_archive.conversion.pool.processes import ConverterKilled, ConverterProcesses
from pywats_archive.conversion.scheduled_document import ScheduledDocument, encode_result
from pywats_archive.conversion.sending.items import ArchivedItem, MemoryItem
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.errors import ArchiveError, ConfigError, ConversionInterrupted, WorkersUnavailable
from pywats_archive.host.job import ConversionJob
from pywats_archive.host.settings.secrets import redact_result
from pywats_archive.host.worker import entry as worker
from pywats_archive.models.arrival import ArrivalState, NextState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.time import Clock, later
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.postprocess.decisions import NOT_ACCEPTED
from pywats_archive.pipeline.schedule.cron import first_run, next_run

log = structlog.get_logger()

_PART, _RESULT = "schedule", "scheduled result"


class Schedules:
    """The schedules and runs of all scheduled converters; one run of a converter at a time."""

    def __init__(
        self,
        processes: ConverterProcesses,
        outbox: Outbox,
        *,
        clock: Clock,
        on_withheld: Callable[[], None],
        tasks: IsolatedTasks,
    ) -> None:
        """``on_withheld`` is called when a report is not sent until a person releases it."""
        self._processes = processes
        self._on_withheld = on_withheld
        self._tasks = tasks
        self._outbox = outbox
        self._now = clock
        self._due: dict[str, datetime] = {}
        self._lanes: dict[str, Lane] = {}
        self._running: set[str] = set()
        self._deferred: deque[tuple[ScheduledDocument, str]] = deque()

    def plan(self, lanes: Iterable[Lane]) -> None:
        """Use these lanes from now on; the planned next run of a converter stays."""
        self._lanes = {lane.name: lane for lane in lanes if not (lane.watches or lane.is_draining)}
        for lane in self._lanes.values():
            self._tasks.run(_PART, lane.name, partial(self._plan_first, lane))

    def _plan_first(self, lane: Lane) -> None:
        if lane.name not in self._due and (moment := self._first(lane)):
            self._due[lane.name] = moment

    def restart(self, lanes: Iterable[Lane]) -> None:
        """Use these lanes from now on; runs that were queued and dropped are due again. Call it while nothing runs."""
        self._due |= {name: self._now() for name in self._running}
        self._running.clear()
        self.plan(lanes)

    def due(self) -> Iterator[Lane]:
        """Yield the lanes to run now, and plan their next runs."""
        now, found = self._now(), list[Lane]()
        for lane in tuple(self._lanes.values()):
            if lane.name in self._due and lane.name not in self._running:
                self._tasks.run(_PART, lane.name, partial(self._check, lane, now, found))
        yield from found

    def _check(self, lane: Lane, now: datetime, found: list[Lane]) -> None:
        """Add a lane to ``found`` if it is due, and plan its next run."""
        name = lane.name
        if lane.away or lane.is_paused or lane.converter.error or (lane.archive and lane.archive.reserve.trouble()):
            return  # it has no source that could wait, and its results could not be archived
        following = self._next(lane, now)
        if following and self._due[name] > following:  # the clock was set back
            self._due[name] = following
        if self._due[name] <= now:
            if following:
                self._due[name] = following
            else:
                del self._due[name]
            self._running.add(name)
            found.append(lane)

    def run(self, lane: Lane) -> None:
        """Run a converter once, and archive and send its results; if its code cannot be loaded, it is due once that works.

        A run that is interrupted by a stop has no result; the next start follows the schedule.
        """
        try:
            results = self._results(lane)
            if results and results[0].is_unavailable:
                lane.converter.trip(results[0].error or "")
                self._due[lane.name] = self._now()
                return
            for number, result in enumerate(results, 1):
                self._try_to_archive(lane, self._scheduled(lane, result, number))
            self._retry_once(lane, results)
        except ConversionInterrupted:
            log.info("scheduled.interrupted", converter=lane.name)
        except WorkersUnavailable as exc:
            lane.converter.wait_for_workers(exc)
            self._due[lane.name] = self._now()
        finally:
            self._running.discard(lane.name)

    def _results(self, lane: Lane) -> tuple[ConversionResult, ...]:
        limit = lane.converter.description.timeout_s if lane.converter.description else None
        try:
            return self._processes.run(worker.run_scheduled, _job(lane), timeout_s=limit or lane.config.timeout_seconds)
        except ConverterKilled as exc:
            return (exc.as_result(),)

    def _scheduled(self, lane: Lane, result: ConversionResult, number: int) -> ScheduledDocument:
        """Return a result with the name and the time under which it is archived, the same at each try."""
        result = redact_result(result, lane.config.arguments)
        log.info("scheduled.result", converter=lane.name, status=result.status.value, reports=len(result.documents))
        return encode_result(result, lane.name, number=number, obtained_at=self._now())

    def _try_to_archive(self, lane: Lane, scheduled: ScheduledDocument) -> None:
        """Archive a result; if the archive fails, it stays in memory and is tried again."""
        try:
            self._archive(lane, scheduled)
        except ArchiveError as exc:
            log.error("scheduled.deferred", converter=lane.name, reason=str(exc))
            self._deferred.append((scheduled, str(exc)))
        except Exception as exc:
            self._tasks.add(_RESULT, lane.name, exc)
            self._deferred.append((scheduled, f"an unexpected error, see the log ({type(exc).__name__})"))
        else:
            self._tasks.resolve(_RESULT, lane.name)

    def retry_deferred(self) -> None:
        """Retry to archive the results that the archive could not store."""
        for _ in range(len(self._deferred)):
            scheduled, trouble = self._deferred.popleft()
            is_due = self._tasks.is_due(_RESULT, scheduled.lane_name)
            if (lane := self._lanes.get(scheduled.lane_name)) and not lane.away and is_due:
                self._try_to_archive(lane, scheduled)
            else:
                self._deferred.append((scheduled, trouble))

    def blockers(self) -> tuple[str, ...]:
        """Return a line for each result that is only in memory."""
        return tuple(
            f"{scheduled.lane_name}: a result waits to be archived: {why}" for scheduled, why in tuple(self._deferred)
        )

    def close(self) -> None:
        """Log the results that are lost, since they are only in memory."""
        for result in self.blockers():
            log.error("scheduled.lost", result=result)

    def _archive(self, lane: Lane, scheduled: ScheduledDocument) -> None:
        """Archive a result and queue its reports; steps that an earlier, failed try completed are not repeated."""
        if away := lane.away:
            raise away
        result = scheduled.result
        if lane.archive is None or lane.interceptor is None:
            for body in result.documents:
                each = document.read(body, fixed_id=None, spare_id=uuid.uuid4())
                self._outbox.offer(_memory_item(scheduled, each))
            return
        arrival = ledger.latest_at(lane.archive, lane.name, [scheduled.path]).get(scheduled.path)
        if arrival is None:
            sighting = Sighting(path=scheduled.path, size_bytes=len(scheduled.body), mtime_ns=scheduled.mtime_ns)
            (arrival,) = ledger.enter(lane.archive, lane.name, [sighting])
        if arrival.archive_id and lane.archive.last_conversion(arrival.archive_id):
            return  # an earlier try archived its reports, and they are sent from there
        entry = ingest.archive_result(
            lane.archive,
            ingest.NewSource(
                path=Path(scheduled.path),
                converter_name=lane.name,
                parameters=lane.interceptor.safe_arguments(result.converter),
                compression_level=lane.archive.policies.effective(lane.name).compression_level,
                arrival_id=arrival.arrival_id,
            ),
            scheduled.body,
            mtime_ns=scheduled.mtime_ns,
        )
        state = ArrivalState.WAITING if result.documents else _END.get(result.status, ArrivalState.DONE)
        reports = lane.interceptor.post_convert(
            entry,
            result,
            arrival_id=arrival.arrival_id,
            next_state=NextState(state=state, reason=result.error),
        )
        waiting = [report for report in reports if report.submission_state is SubmissionState.WAITING]
        for report in waiting:
            self._outbox.offer(ArchivedItem(archive=lane.archive, report=report))
        if len(waiting) < len(reports):
            self._on_withheld()
        if reports and not waiting:
            lane.ledger.change(arrival, ArrivalState.REFUSED, reason=reports[0].last_error)

    def _retry_once(self, lane: Lane, results: tuple[ConversionResult, ...]) -> None:
        has_failed = len(results) == 1 and results[0].status is ConversionStatus.FAILED
        if has_failed and lane.converter.description and lane.converter.description.retry_on_failure:
            again = later(self._now(), timedelta(seconds=lane.converter.description.retry_delay_s))
            self._due[lane.name] = min(self._due.get(lane.name, again), again)

    def _first(self, lane: Lane) -> datetime | None:
        interval, cron = _rule(lane)
        own = lane.converter.description
        starts = lane.config.run_on_startup or bool(own and own.run_on_startup)
        try:
            return first_run(interval_s=interval, cron=cron, on_startup=starts, now=self._now())
        except ConfigError as exc:
            log.error("schedule.unusable", converter=lane.name, reason=str(exc))
            return None

    def _next(self, lane: Lane, now: datetime) -> datetime | None:
        interval, cron = _rule(lane)
        return next_run(interval_s=interval, cron=cron, after=now)


def _memory_item(scheduled: ScheduledDocument, report: document.Document) -> MemoryItem:
    return MemoryItem(
        key=f"{scheduled.lane_name}/{report.report_id}",
        report_id=report.report_id,
        document=report.body,
        converter=scheduled.lane_name,
        path=scheduled.path,
    )


def _job(lane: Lane) -> ConversionJob:
    """Return the job of a run; it returns the converter's code unless that is already stored."""
    return replace(lane.job, known_code=lane.interceptor.codes.latest) if lane.interceptor else lane.job


_END = {ConversionStatus.FAILED: ArrivalState.FAILED, **NOT_ACCEPTED}


def _rule(lane: Lane) -> tuple[float | None, str | None]:
    """Return the configured interval and cron expression, or else the converter's own."""
    config, own = lane.config, lane.converter.description
    if config.schedule_interval_seconds or config.cron_expression:
        return config.schedule_interval_seconds, config.cron_expression
    return (own.schedule_interval_s, own.cron_expression) if own else (None, None)
