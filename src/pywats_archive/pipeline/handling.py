"""The way of one source: archived, converted, its reports archived and handed to the outbox, then out of the folder."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import structlog

from pywats_archive.archive import document, record, restore, sources
from pywats_archive.archive.core import Archive
from pywats_archive.archive.naming import free_names
from pywats_archive.conversion.interceptor import NextState
from pywats_archive.conversion.outbox import ArchivedParcel, Outbox, Parcel, Step
from pywats_archive.conversion.processes import ConverterKilled, ConverterProcesses
from pywats_archive.errors import ArchiveError, CatalogError, SourceChanged, SourceVanished, StorageError
from pywats_archive.host import worker
from pywats_archive.host.secrets import redact_result
from pywats_archive.host.submission import Outcome
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus, SourceKind
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline import decide, owed, postprocess
from pywats_archive.pipeline.books import MemoryBooks
from pywats_archive.pipeline.line import Line
from pywats_archive.pipeline.postprocess import Departure

log = structlog.get_logger()

_SPARE_IDS = uuid.UUID("0d3c9f5e-8a4b-4f0e-9d55-6b1b7f2f8c10")
"""Namespace of ids for reports without one whose source is not archived: the same source gets the same id again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waits:
    """A source that could not be taken through; it is tried again."""

    reason: str
    needs_person: bool
    """Whether it may wait for ever: the archive or a folder failed, or a folder is not complete."""


class _NotArchived(Exception):
    def __init__(self, cause: ArchiveError) -> None:
        self.cause = cause


@dataclass(kw_only=True, eq=False)
class _Unarchived:
    """A converted source whose reports only memory holds, until the server has them all."""

    line: Line
    arrival: Arrival
    result: ConversionResult
    open_parcels: int
    states: list[SubmissionState] = field(default_factory=list)
    reason: str | None = None
    is_owed: bool = False
    """The archive could not take the source; it is kept and archived later."""


class Handling:
    """Takes sources through; safe to use from many threads, one source by one thread at a time."""

    def __init__(self, processes: ConverterProcesses, outbox: Outbox, *, clock: Callable[[], datetime]) -> None:
        self._processes = processes
        self._outbox = outbox
        self._now = clock
        self._with_hooks: dict[tuple[str, int], ConversionResult] = {}
        self._unarchived: dict[str, _Unarchived] = {}
        self._unfinished: list[_Unarchived] = []
        self._mutex = threading.Lock()

    def take(self, line: Line, arrival: Arrival, *, busy: bool = False) -> Waits | None:
        """Take a source as far as it goes now; None when it is settled or waits for the server or for its retry."""
        if line.archive is None:
            return self._take_unarchived(line, arrival)
        try:
            return self._take(line, arrival, busy)
        except SourceVanished:
            line.books.mark_vanished(arrival)
            log.error("source.vanished", converter=line.name, path=arrival.path)
            return None
        except SourceChanged as exc:
            return Waits(reason=str(exc), needs_person=False)
        except _NotArchived as exc:
            return self._without_archive(line, arrival, exc.cause)
        except (StorageError, CatalogError) as exc:
            log.error("source.waits", converter=line.name, path=arrival.path, reason=str(exc))
            return Waits(reason=str(exc), needs_person=True)

    def _take(self, line: Line, arrival: Arrival, busy: bool) -> Waits | None:
        assert line.archive is not None and line.interceptor is not None
        arrival = self._brought_back(line, arrival)
        if line.config.converter_type == "folder" and not arrival.archive_id and not self._is_ready(line, arrival):
            return Waits(reason="the folder is not complete yet", needs_person=True)
        entry = self._archived(line, arrival, busy)
        arrival = self._now_known(line, arrival)
        started_at = self._now()
        result = self._convert_entry(line, arrival, entry)
        after = decide.after_conversion(result, line.config, attempts=arrival.attempts, now=self._now())
        if result.status is ConversionStatus.SUSPENDED and after.state is not ArrivalState.SUSPENDED:
            result = replace(result, status=ConversionStatus.FAILED, error=after.reason)
        state = NextState(state=after.state, reason=after.reason, retry_at=after.retry_at, attempts=after.attempts)
        reports = line.interceptor.post_convert(
            entry, result, started_at=started_at, arrival_id=arrival.arrival_id, next_state=state, busy=busy
        )
        self._log(line, entry.archive_id, result)
        if result.has_hooks:
            self._with_hooks[_key(line, arrival)] = result
        if after.state is ArrivalState.SUSPENDED:
            self._set_aside(line, self._now_known(line, arrival))
        elif reports:
            for report, body in zip(reports, result.documents, strict=True):
                sent = body if report.checksum == f"sha256:{hashlib.sha256(body).hexdigest()}" else None
                self._outbox.offer(ArchivedParcel(archive=line.archive, report=report, document=sent))
        else:
            self.finish(line, self._now_known(line, arrival))
        return None

    def finish(self, line: Line, arrival: Arrival) -> None:
        """Post-process a source of which nothing waits for the server any more, and close its account."""
        assert line.archive is not None and arrival.archive_id is not None
        entry = line.archive.entry(arrival.archive_id)
        last = line.archive.last_conversion(arrival.archive_id)
        every = line.archive.reports_of(arrival.archive_id)
        reports = [r for r in every if last and r.conversion_id == last.conversion_id]
        refusal = next((r.last_error for r in reports if r.submission_state is SubmissionState.REFUSED), None)
        ending = decide.ending(
            self._final_status(entry, arrival),
            [report.submission_state for report in reports],
            line.config,
            asked_for=last.post_action if last else None,
            reason=refusal or arrival.reason,
            is_archived=bool(entry.source_archived_path),
        )
        departed = postprocess.carry_out(ending, self._departure(line, arrival, entry))
        if not line.config.archive_output_reports:
            for report in (r for r in reports if r.submission_state is SubmissionState.ACCEPTED):
                record.remove_document(line.archive, report)
        reason = "; ".join(filter(None, (ending.reason, departed.note))) or None
        line.books.change(arrival, ending.state, reason=reason, moved_to=departed.moved_to)
        log.info(
            "source.finished", converter=line.name, path=arrival.path, state=ending.state.value, to=departed.moved_to
        )
        self._call_hooks(line, arrival)

    def settled(self, parcel: Parcel, state: SubmissionState, reason: str | None) -> tuple[Archive, str] | None:
        """Take note of a report that the server took or refused; gives the entry whose reports are all settled, if so."""
        if isinstance(parcel, ArchivedParcel):
            reports = parcel.archive.reports_of(parcel.report.archive_id)
            is_open = any(r.submission_state is SubmissionState.WAITING for r in reports)
            return None if is_open else (parcel.archive, parcel.report.archive_id)
        if isinstance(parcel, MemoryParcel):
            self._settle_unarchived(parcel, state, reason)
        return None

    @staticmethod
    def _now_known(line: Line, arrival: Arrival) -> Arrival:
        return line.books.get(_number(arrival)) or arrival

    @staticmethod
    def _final_status(entry: ArchiveEntry, arrival: Arrival) -> ConversionStatus:
        """A source still suspended after its last retry has failed."""
        is_given_up = entry.conversion_status is ConversionStatus.SUSPENDED
        return ConversionStatus.FAILED if is_given_up else entry.conversion_status

    @staticmethod
    def _brought_back(line: Line, arrival: Arrival) -> Arrival:
        """Bring a source back that was set aside in Pending; while another one has its name it stays there.

        That it is on its way is put on record first: what comes back must not look like another source.
        """
        if arrival.state is not ArrivalState.SUSPENDED and not arrival.moved_to:
            return arrival
        path, held = Path(arrival.path), _held(line, arrival)
        if held is None:
            return replace(arrival, moved_to=None)
        line.books.change(arrival, ArrivalState.CONVERTING, moved_to=str(held))
        return replace(arrival, moved_to=None if postprocess.bring_back(held, path) else str(held))

    def _archived(self, line: Line, arrival: Arrival, busy: bool) -> ArchiveEntry:
        assert line.archive is not None and line.interceptor is not None
        entry = line.archive.entry(arrival.archive_id) if arrival.archive_id else None
        is_recovered = entry is not None and arrival.state is ArrivalState.ARCHIVED
        if entry and not (is_recovered and _is_still(entry, arrival)):
            line.books.change(arrival, ArrivalState.CONVERTING, moved_to=arrival.moved_to)
            return entry
        try:  # of an entry that a crash left without its companions, these
            return line.interceptor.pre_convert(Path(arrival.path), arrival_id=arrival.arrival_id, busy=busy)
        except (SourceVanished, SourceChanged):
            raise
        except (StorageError, CatalogError) as exc:
            raise _NotArchived(exc) from exc

    def _convert_entry(self, line: Line, arrival: Arrival, entry: ArchiveEntry) -> ConversionResult:
        """Convert where the source lies; in a private folder when what lies there is not, or no longer, what was archived."""
        assert line.archive is not None
        if entry.source_kind is SourceKind.SCHEDULED:
            return told_result(line.archive, entry)
        if not arrival.moved_to and _is_still(entry, arrival):
            result = self._convert(line, Path(arrival.path))
            if _is_still(entry, arrival) or not Path(arrival.path).exists():
                return result
        if not entry.source_archived_path:
            return ConversionResult(status=ConversionStatus.FAILED, error="the source changed before it was converted")
        with tempfile.TemporaryDirectory(prefix="pywats-archive-") as folder:
            return self._convert(line, restore.restore_source(line.archive, entry.archive_id, Path(folder)))

    def _convert(self, line: Line, path: Path) -> ConversionResult:
        job = replace(line.job, source_path=str(path))
        started = self._now()
        try:
            result = self._processes.run(worker.convert, job, timeout_s=line.config.timeout_seconds)
        except ConverterKilled as exc:
            duration = int((self._now() - started).total_seconds() * 1000)
            result = ConversionResult(status=ConversionStatus.FAILED, error=str(exc), duration_ms=duration)
        return redact_result(result, line.config.arguments)

    def _is_ready(self, line: Line, arrival: Arrival) -> bool:
        job = replace(line.job, source_path=arrival.path)
        try:
            return self._processes.run(worker.is_folder_ready, job, timeout_s=line.config.timeout_seconds)
        except ArchiveError as exc:
            log.warning("folder.not_judged", converter=line.name, path=arrival.path, reason=str(exc))
            return True

    def _set_aside(self, line: Line, arrival: Arrival) -> None:
        path = Path(arrival.moved_to or arrival.path)
        if arrival.moved_to or not path.exists():
            line.books.change(arrival, ArrivalState.SUSPENDED, reason=arrival.reason, moved_to=arrival.moved_to)
            return
        held = postprocess.move_into(Path(line.config.pending_folder), path)
        line.books.change(arrival, ArrivalState.SUSPENDED, reason=arrival.reason, moved_to=str(held))

    def _departure(self, line: Line, arrival: Arrival, entry: ArchiveEntry | None) -> Departure:
        return Departure(
            path=Path(arrival.moved_to or arrival.path),
            size_bytes=arrival.size_bytes,
            mtime_ns=arrival.mtime_ns,
            config=line.config,
            archive=line.archive,
            entry=entry,
        )

    def _call_hooks(self, line: Line, arrival: Arrival) -> None:
        result = self._with_hooks.pop(_key(line, arrival), None)
        if result is None:
            return
        call = worker.HookCall(job=replace(line.job, source_path=arrival.path), result=result)
        try:
            fault = self._processes.run(worker.call_hook, call, timeout_s=line.config.timeout_seconds)
        except ArchiveError as exc:
            fault = str(exc)
        if fault:
            log.warning("converter.hook_failed", converter=line.name, path=arrival.path, reason=fault)

    def _log(self, line: Line, archive_id: str, result: ConversionResult) -> None:
        told = log.info if result.status is ConversionStatus.SUCCESS else log.warning
        told(
            "source.converted",
            converter=line.name,
            archive_id=archive_id,
            status=result.status.value,
            reports=len(result.documents),
            error=result.error,
        )

    def _without_archive(self, line: Line, arrival: Arrival, trouble: ArchiveError) -> Waits | None:
        """The archive cannot take the source: it waits where it is, or is converted and owed to the archive (invariant 11)."""
        log.error("archive.failed", converter=line.name, path=arrival.path, reason=str(trouble))
        if line.config.on_archive_error == "hold":
            return Waits(reason=str(trouble), needs_person=True)
        return self._take_unarchived(line, arrival, is_owed=True)

    def _take_unarchived(self, line: Line, arrival: Arrival, *, is_owed: bool = False) -> Waits | None:
        """Convert without an archive: the source stays in the watch folder until the server has its reports."""
        path = Path(arrival.path)
        if not path.exists():
            if not is_owed:
                line.books.mark_vanished(arrival)
            return None
        if line.config.converter_type == "folder" and not self._is_ready(line, arrival):
            return Waits(reason="the folder is not complete yet", needs_person=True)
        result = self._convert(line, path)
        self._log(line, "-", result)
        if is_owed and result.status is ConversionStatus.SUSPENDED:
            return Waits(reason=result.error or "suspended", needs_person=False)
        named = f"{line.name}\0{arrival.path!r}\0{arrival.size_bytes}\0{arrival.mtime_ns}"
        documents = [
            document.read(body, fixed_id=None, spare_id=uuid.uuid5(_SPARE_IDS, f"{named}\0{ordinal}"))
            for ordinal, body in enumerate(result.documents)
        ]
        result = replace(result, documents=tuple(each.body for each in documents))
        held = _Unarchived(line=line, arrival=arrival, result=result, open_parcels=len(documents), is_owed=is_owed)
        after = decide.after_conversion(result, line.config, attempts=arrival.attempts, now=self._now())
        if after.state is ArrivalState.SUSPENDED and isinstance(line.books, MemoryBooks):
            line.books.keep(
                replace(
                    arrival, state=after.state, attempts=after.attempts, retry_at=after.retry_at, reason=after.reason
                )
            )
            return None
        if not documents:
            self._finish_unarchived(held)
        elif isinstance(line.books, MemoryBooks):
            line.books.change(arrival, ArrivalState.WAITING)
        for number, each in enumerate(documents):
            key = f"{line.name}/{_number(arrival)}/{number}"
            with self._mutex:
                self._unarchived[key] = held
            self._outbox.offer(MemoryParcel(key=key, report_id=each.report_id, document=each.body))
        return None

    def retry_unfinished(self) -> None:
        """Try again to bring unarchived sources to their end whose folder failed."""
        with self._mutex:
            again, self._unfinished = self._unfinished, []
        for held in again:
            self._finish_unarchived(held)

    def holds(self, line: Line, arrival_id: int) -> bool:
        """Tell whether memory holds reports of this arrival that the server has not taken."""
        with self._mutex:
            held = (*self._unarchived.values(), *self._unfinished)
        return any(h.line.name == line.name and h.arrival.arrival_id == arrival_id for h in held)

    def _settle_unarchived(self, parcel: MemoryParcel, state: SubmissionState, reason: str | None) -> None:
        with self._mutex:
            held = self._unarchived.pop(parcel.key, None)
            if held is None:
                return
            held.states.append(state)
            held.reason = reason if state is SubmissionState.REFUSED else held.reason
            held.open_parcels -= 1
        if held.open_parcels == 0:
            self._finish_unarchived(held)

    def _finish_unarchived(self, held: _Unarchived) -> None:
        try:
            self._end_unarchived(held)
        except (ArchiveError, OSError) as exc:
            log.error("source.not_finished", converter=held.line.name, path=held.arrival.path, reason=str(exc))
            with self._mutex:
                self._unfinished.append(held)

    def _end_unarchived(self, held: _Unarchived) -> None:
        line, arrival, result = held.line, held.arrival, held.result
        status = ConversionStatus.FAILED if result.status is ConversionStatus.SUSPENDED else result.status
        ending = decide.ending(
            status,
            held.states,
            line.config,
            asked_for=result.post_action,
            reason=held.reason or result.error,
            is_archived=False,
        )
        if held.is_owed:
            line.owed.add(_number(arrival))
            owed.keep(line.config, arrival, result, ending, now=self._now())
        else:
            departed = postprocess.carry_out(ending, self._departure(line, arrival, None))
            line.books.change(arrival, ending.state, reason=ending.reason, moved_to=departed.moved_to)
        line.active.discard(_number(arrival))
        line.is_dirty = True


@dataclass(kw_only=True, eq=False)
class MemoryParcel:
    """A report that only memory holds: its source is still in the watch folder."""

    key: str
    report_id: str
    document: bytes
    tries: int = 0
    is_stored: bool = False

    def body(self) -> bytes:
        return self.document

    def settle(self, step: Step, outcome: Outcome, now: datetime) -> None:
        self.tries += 1


def told_result(archive: Archive, entry: ArchiveEntry) -> ConversionResult:
    """Give a scheduled converter's result back from the document that its entry holds."""
    told = json.loads(b"".join(archive.blobs.read_checked(entry.source_archived_path, entry.source_checksum)))
    bodies = (json.dumps(report, ensure_ascii=False, separators=(",", ":")) for report in told["reports"])
    return ConversionResult(
        status=ConversionStatus(told["status"]),
        documents=tuple(body.encode() for body in bodies),
        error=told["error"],
        metadata=told["metadata"],
    )


def _held(line: Line, arrival: Arrival) -> Path | None:
    """Find a suspended source in Pending; a crash may have come before it was put on record under which name."""
    if arrival.moved_to:
        return Path(arrival.moved_to) if os.path.lexists(arrival.moved_to) else None
    for name in free_names(Path(arrival.path).name):
        held = Path(line.config.pending_folder, name)
        if not os.path.lexists(held):
            return None
        now = sources.signature(held)
        if held.is_dir() or (now.size_bytes, now.mtime_ns) == (arrival.size_bytes, arrival.mtime_ns):
            return held
    raise AssertionError("unreachable: names never run out")


def _is_still(entry: ArchiveEntry, arrival: Arrival) -> bool:
    path = Path(arrival.path)
    try:
        now = sources.signature(path)
    except SourceVanished:
        return False
    return path.is_dir() or (now.mtime_ns == entry.source_mtime_ns and now.size_bytes == entry.source_size_bytes)


def _key(line: Line, arrival: Arrival) -> tuple[str, int]:
    return line.name, _number(arrival)


def _number(arrival: Arrival) -> int:
    assert arrival.arrival_id is not None
    return arrival.arrival_id
