"""Scheduled converters: run when they are due, each result archived and its reports sent like any other."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import orjson
import structlog

from pywats_archive.archive import document, ingest, ledger
from pywats_archive.archive.ledger import Sighting
from pywats_archive.conversion.interceptor import NextState
from pywats_archive.conversion.outbox import Outbox
from pywats_archive.conversion.parcels import ArchivedParcel
from pywats_archive.conversion.processes import ConverterKilled, ConverterProcesses
from pywats_archive.errors import ArchiveError, ConfigError, ConversionInterrupted, WorkersUnavailable
from pywats_archive.host import worker
from pywats_archive.host.job import ConversionJob
from pywats_archive.host.secrets import redact_result
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.time import Clock, later
from pywats_archive.pipeline.decide import NOT_TAKEN
from pywats_archive.pipeline.line import Line
from pywats_archive.pipeline.parts import Parts
from pywats_archive.pipeline.schedule import first_run, next_run
from pywats_archive.pipeline.unarchived import MemoryParcel

log = structlog.get_logger()

_PART, _RESULT = "schedule", "scheduled result"


class Schedules:
    """When each scheduled converter runs next; one run of a converter at a time."""

    def __init__(
        self,
        processes: ConverterProcesses,
        outbox: Outbox,
        *,
        clock: Clock,
        on_held: Callable[[], None],
        parts: Parts,
    ) -> None:
        """``on_held`` is called when a report is not sent until a person says so."""
        self._processes = processes
        self._on_held = on_held
        self._parts = parts
        self._outbox = outbox
        self._now = clock
        self._due: dict[str, datetime] = {}
        self._lines: dict[str, Line] = {}
        self._running: set[str] = set()
        self._held: deque[tuple[_Taken, str]] = deque()

    def plan(self, lines: Iterable[Line]) -> None:
        """Take over these lines; a converter that had its next run planned keeps it."""
        self._lines = {line.name: line for line in lines if not (line.watches or line.is_finishing)}
        for line in self._lines.values():
            self._parts.run(_PART, line.name, partial(self._plan_first, line))

    def _plan_first(self, line: Line) -> None:
        if line.name not in self._due and (moment := self._first(line)):
            self._due[line.name] = moment

    def begin_anew(self, lines: Iterable[Line]) -> None:
        """Take over these lines while nothing runs: what was about to run is due again."""
        self._due |= {name: self._now() for name in self._running}
        self._running.clear()
        self.plan(lines)

    def due(self) -> Iterator[Line]:
        """Give the lines to be run now, and plan their next run."""
        now, found = self._now(), list[Line]()
        for line in tuple(self._lines.values()):
            if line.name in self._due and line.name not in self._running:
                self._parts.run(_PART, line.name, partial(self._look_at, line, now, found))
        yield from found

    def _look_at(self, line: Line, now: datetime, found: list[Line]) -> None:
        """Add a line to ``found`` if it is to be run now, and plan its next run."""
        name = line.name
        if line.away or line.is_waiting or line.unavailable or (line.archive and line.archive.reserve.trouble()):
            return  # it has no source that could wait: its results would have nowhere to go
        following = self._next(line, now)
        if following and self._due[name] > following:  # the clock was set back
            self._due[name] = following
        if self._due[name] <= now:
            if following:
                self._due[name] = following
            else:
                del self._due[name]
            self._running.add(name)
            found.append(line)

    def run(self, line: Line) -> None:
        """Run a converter once and take in what it gives; one whose code cannot be loaded is due as soon as it can.

        A run that is interrupted because the service stops gives no result; the next start goes by the schedule.
        """
        try:
            results = self._results(line)
            if results and results[0].is_unavailable:
                line.stop_for(results[0].error or "")
                self._due[line.name] = self._now()
                return
            for number, result in enumerate(results, 1):
                self._try_to_take_in(line, self._taken(line, result, number))
            self._retry_once(line, results)
        except ConversionInterrupted:
            log.info("scheduled.interrupted", converter=line.name)
        except WorkersUnavailable as exc:
            line.wait_for_workers(exc)
            self._due[line.name] = self._now()
        finally:
            self._running.discard(line.name)

    def _results(self, line: Line) -> tuple[ConversionResult, ...]:
        limit = line.description.timeout_s if line.description else None
        try:
            return self._processes.run(
                worker.run_scheduled, _asking(line), timeout_s=limit or line.config.timeout_seconds
            )
        except ConverterKilled as exc:
            return (exc.as_result(),)

    def _taken(self, line: Line, result: ConversionResult, number: int) -> _Taken:
        """Give a result the name and the time under which it is archived, however often that is tried."""
        result, taken_at = redact_result(result, line.config.arguments), self._now()
        log.info("scheduled.result", converter=line.name, status=result.status.value, reports=len(result.documents))
        name = f"{line.name}-{taken_at:%Y%m%dT%H%M%S.%f}-{number}.json".replace("/", "_")
        told = {"metadata": result.metadata, "status": result.status.value, "error": result.error}
        body = orjson.dumps({**told, "reports": [orjson.Fragment(document) for document in result.documents]})
        return _Taken(line_name=line.name, result=result, taken_at=taken_at, path=f"scheduled/{name}", body=body)

    def _try_to_take_in(self, line: Line, taken: _Taken) -> None:
        """Take a result in; while the archive fails, it is kept and tried again."""
        try:
            self._take_in(line, taken)
        except ArchiveError as exc:
            log.error("scheduled.held", converter=line.name, reason=str(exc))
            self._held.append((taken, str(exc)))
        except Exception as exc:
            self._parts.note(_RESULT, line.name, exc)
            self._held.append((taken, f"an unexpected error, see the log ({type(exc).__name__})"))
        else:
            self._parts.over(_RESULT, line.name)

    def retry_held(self) -> None:
        """Try again to take in results that the archive could not."""
        for _ in range(len(self._held)):
            taken, trouble = self._held.popleft()
            may_run = self._parts.may_run(_RESULT, taken.line_name)
            if (line := self._lines.get(taken.line_name)) and not line.away and may_run:
                self._try_to_take_in(line, taken)
            else:
                self._held.append((taken, trouble))

    def left(self) -> tuple[str, ...]:
        """Tell in a line each which results only memory holds."""
        return tuple(f"{taken.line_name}: a result waits to be archived: {why}" for taken, why in tuple(self._held))

    def close(self) -> None:
        """Tell of the results that are lost with the memory that holds them."""
        for told in self.left():
            log.error("scheduled.lost", result=told)

    def _take_in(self, line: Line, taken: _Taken) -> None:
        """Archive a result and offer its reports; what an earlier try came to, though it failed, is not done again."""
        if line.away:
            raise line.away
        result = taken.result
        if line.archive is None or line.interceptor is None:
            for body in result.documents:
                each = document.read(body, fixed_id=None, spare_id=uuid.uuid4())
                key = f"{line.name}/{each.report_id}"
                self._outbox.offer(
                    MemoryParcel(key=key, report_id=each.report_id, document=each.body, converter=line.name)
                )
            return
        arrival = ledger.latest_at(line.archive, line.name, [taken.path]).get(taken.path)
        if arrival is None:
            sighting = Sighting(path=taken.path, size_bytes=len(taken.body), mtime_ns=taken.mtime_ns)
            (arrival,) = ledger.enter(line.archive, line.name, [sighting])
        if arrival.archive_id and line.archive.last_conversion(arrival.archive_id):
            return  # whoever recorded it has its reports in the archive, from where they are sent
        entry = ingest.archive_result(
            line.archive,
            ingest.NewSource(
                path=Path(taken.path),
                converter_name=line.name,
                parameters=line.interceptor.safe_arguments(result.converter),
                compression_level=line.archive.policies.effective(line.name).compression_level,
                arrival_id=arrival.arrival_id,
            ),
            taken.body,
            mtime_ns=taken.mtime_ns,
        )
        state = ArrivalState.WAITING if result.documents else _END.get(result.status, ArrivalState.DONE)
        reports = line.interceptor.post_convert(
            entry,
            result,
            arrival_id=arrival.arrival_id,
            next_state=NextState(state=state, reason=result.error),
        )
        waiting = [report for report in reports if report.submission_state is SubmissionState.WAITING]
        for report in waiting:
            self._outbox.offer(ArchivedParcel(archive=line.archive, report=report))
        if len(waiting) < len(reports):
            self._on_held()
        if reports and not waiting:
            line.books.change(arrival, ArrivalState.REFUSED, reason=reports[0].last_error)

    def _retry_once(self, line: Line, results: tuple[ConversionResult, ...]) -> None:
        has_failed = len(results) == 1 and results[0].status is ConversionStatus.FAILED
        if has_failed and line.description and line.description.retry_on_failure:
            again = later(self._now(), timedelta(seconds=line.description.retry_delay_s))
            self._due[line.name] = min(self._due.get(line.name, again), again)

    def _first(self, line: Line) -> datetime | None:
        interval, cron = self._rule(line)
        starts = line.config.run_on_startup or bool(line.description and line.description.run_on_startup)
        try:
            return first_run(interval_s=interval, cron=cron, on_startup=starts, now=self._now())
        except ConfigError as exc:
            log.error("schedule.unusable", converter=line.name, reason=str(exc))
            return None

    def _next(self, line: Line, now: datetime) -> datetime | None:
        interval, cron = self._rule(line)
        return next_run(interval_s=interval, cron=cron, after=now)

    @staticmethod
    def _rule(line: Line) -> tuple[float | None, str | None]:
        """The configured schedule, else the converter's own."""
        config, own = line.config, line.description
        if config.schedule_interval_seconds or config.cron_expression:
            return config.schedule_interval_seconds, config.cron_expression
        return (own.schedule_interval_s, own.cron_expression) if own else (None, None)


def _asking(line: Line) -> ConversionJob:
    """The job of a run, which tells its code unless that is kept."""
    return replace(line.job, known_code=line.interceptor.codes.latest) if line.interceptor else line.job


@dataclass(frozen=True, kw_only=True, slots=True)
class _Taken:
    """A result as it is archived; ``path`` is a name that no other result has."""

    line_name: str
    result: ConversionResult
    taken_at: datetime
    path: str
    body: bytes

    @property
    def mtime_ns(self) -> int:
        return int(self.taken_at.timestamp() * 1e9)


_END = {ConversionStatus.FAILED: ArrivalState.FAILED, **NOT_TAKEN}
