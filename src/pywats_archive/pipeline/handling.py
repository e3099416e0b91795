"""The way of one source: archived, converted, its reports archived and handed to the outbox, then out of the folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

import structlog

from pywats_archive.archive import companions, ledger, record, restore, sources
from pywats_archive.archive.naming import free_names
from pywats_archive.conversion.outbox import Outbox
from pywats_archive.conversion.parcels import ArchivedParcel, Parcel
from pywats_archive.conversion.processes import ConverterProcesses
from pywats_archive.errors import (
    ArchiveError,
    CatalogError,
    SourceChanged,
    SourceKnown,
    SourceOpen,
    SourceVanished,
    StorageError,
)
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus, SourceKind
from pywats_archive.models.report import Report, SubmissionState
from pywats_archive.pipeline import decide, owed, postprocess, sharing
from pywats_archive.pipeline.afterwards import Afterwards
from pywats_archive.pipeline.converting import Converting, Waits, log_result
from pywats_archive.pipeline.decide import REMOVING, Destination
from pywats_archive.pipeline.failing import OWED, Failing
from pywats_archive.pipeline.held import Key, key
from pywats_archive.pipeline.identity import is_as_known, was_replaced
from pywats_archive.pipeline.line import Line
from pywats_archive.pipeline.neighbours import Neighbours
from pywats_archive.pipeline.on_the_way import Converted, OnTheWay, recalled, told_result
from pywats_archive.pipeline.postprocess import departure_of
from pywats_archive.pipeline.stuck import Stuck
from pywats_archive.pipeline.tally import Tally
from pywats_archive.pipeline.unarchived import MemoryParcel, Unarchived
from pywats_archive.pipeline.unready import (
    empty_result,
    require_closed,
    wait_for_end,
    wait_for_former,
    wait_for_writer,
)
from pywats_archive.scratch import Scratch

log = structlog.get_logger()


class _NotArchived(Exception):
    def __init__(self, cause: ArchiveError) -> None:
        self.cause = cause


class Handling:
    """Takes sources through; safe to use from many threads, one source by one thread at a time."""

    def __init__(
        self,
        processes: ConverterProcesses,
        outbox: Outbox,
        *,
        clock: Callable[[], datetime],
        failing: Failing,
        promises: owed.Open,
        tally: Tally,
        afterwards: Afterwards,
        stuck: Stuck,
        on_held: Callable[[], None],
    ) -> None:
        """``on_held`` is called when a report is not sent until a person says so."""
        self._stuck = stuck
        self._on_held = on_held
        self._failing = failing
        self._tally = tally
        self._afterwards = afterwards
        self._converting = Converting(processes)
        self.unarchived = Unarchived(self._converting, outbox, clock=clock, promises=promises, tally=tally, stuck=stuck)
        self._outbox = outbox
        self._now = clock
        self._with_hooks: dict[Key, ConversionResult] = {}
        self._as_converted: dict[Key, sources.Signature] = {}
        """How folders were when they had been converted."""
        self._on_the_way = OnTheWay()
        self._neighbours = Neighbours()
        self._scratch = Scratch()

    def take(self, line: Line, arrival: Arrival, *, busy: bool = False) -> Waits | None:
        """Take a source as far as it goes now; None when it is settled or waits for the server or for its retry."""
        if arrival.state is ArrivalState.SEEN and (waits := wait_for_writer(line, Path(arrival.path))):
            return waits
        if line.away is not None:
            return self._without_archive(line, arrival, line.away)
        if line.archive is None:
            return self.unarchived.take(line, arrival)
        try:
            return self._take(line, arrival, busy)
        except (SourceVanished, SourceChanged) as exc:
            return self._not_as_it_was(line, arrival, exc)
        except SourceOpen as exc:
            return wait_for_end(line, str(exc))
        except SourceKnown as exc:
            log.info("source.known_again", converter=line.name, path=arrival.path, reason=str(exc))
            return None
        except _NotArchived as exc:
            return self._without_archive(line, arrival, exc.cause)
        except (StorageError, CatalogError) as exc:
            log.error("source.waits", converter=line.name, path=arrival.path, reason=str(exc))
            return Waits(reason=str(exc), needs_person=True)

    def _not_as_it_was(self, line: Line, arrival: Arrival, exc: SourceVanished | SourceChanged) -> Waits | None:
        """A source that is not archived yet is gone, or is read again; of an archived one a companion was meant."""
        known = line.books.get(arrival.number)
        if known is None or known.state.is_final:  # what was seen left as the source of another arrival
            return None
        state = known.state
        if trouble := line.folder_trouble():
            return Waits(reason=str(trouble), needs_person=True)
        is_there = os.path.lexists(arrival.path)  # what is gone is a companion, or a file in a folder
        if state is not ArrivalState.SEEN or isinstance(exc, SourceChanged) or is_there:
            return Waits(reason=str(exc), needs_person=state is not ArrivalState.SEEN)
        line.books.mark_vanished(arrival)
        self._failing.over(line.name, arrival.number)
        log.error("source.vanished", converter=line.name, path=arrival.path)
        return None

    def _take(self, line: Line, arrival: Arrival, busy: bool) -> Waits | None:
        assert line.archive is not None and line.interceptor is not None
        arrival = self._brought_back(line, arrival)
        if (
            line.config.converter_type == "folder"
            and not arrival.archive_id
            and not self._converting.is_ready(line, arrival)
        ):
            return Waits(reason="the folder is not complete yet", needs_person=True)
        has_waited = arrival.archive_id is not None
        arrival, entry = self._archived(line, arrival, busy)
        if line.config.is_appended and (former := ledger.unfinished_before(line.archive, arrival)):
            return wait_for_former(line, former)
        line.archive.reserve.require()  # without room for its reports it would be converted in vain
        outbid = None if has_waited else self._converting.outbid(line, Path(arrival.path))
        result = outbid or self._convert_entry(line, arrival, entry, has_waited=has_waited)
        result = self._neighbours.told(line, arrival.path, result)
        if entry.source_kind is SourceKind.FOLDER:
            with suppress(SourceVanished, OSError):
                self._as_converted[key(line, arrival)] = sources.signature(Path(arrival.path))
        after = decide.after_conversion(result, line.config, attempts=arrival.attempts, now=self._now())
        if result.status is ConversionStatus.SUSPENDED and after.state is not ArrivalState.SUSPENDED:
            result = replace(result, status=ConversionStatus.FAILED, error=after.reason)
        reports = line.interceptor.post_convert(
            entry, result, arrival_id=arrival.arrival_id, next_state=after, busy=busy, append=line.config.is_appended
        )
        log_result(line, entry.archive_id, result)
        for report in (r for r in reports if r.submission_state is SubmissionState.REFUSED):
            log.warning(
                "report.held", report_id=report.report_id, archive_id=entry.archive_id, reason=report.last_error
            )
            self._on_held()
        if result.has_hooks:
            self._with_hooks[key(line, arrival)] = result
        if after.state is ArrivalState.SUSPENDED:
            self._set_aside(line, self._now_known(line, arrival))
        elif any(report.submission_state is SubmissionState.WAITING for report in reports):
            self._send(line, arrival, entry, result, reports)
        else:
            return self._ended(line, self._now_known(line, arrival))
        return None

    def _ended(self, line: Line, arrival: Arrival) -> Waits | None:
        """Finish a source that has no reports; one that cannot leave its folder is noted and tried again."""
        try:
            self.finish(line, arrival)
        except (ArchiveError, OSError) as exc:
            self._stuck.note(line, arrival, exc)
            log.error("source.not_finished", converter=line.name, path=arrival.path, reason=str(exc))
            return Waits(reason=str(exc), needs_person=True)
        return None

    def _send(
        self, line: Line, arrival: Arrival, entry: ArchiveEntry, result: ConversionResult, reports: tuple[Report, ...]
    ) -> None:
        """Hand the reports to the outbox, with the bytes of those that were archived as the converter gave them."""
        assert line.archive is not None
        if len(reports) == 1:
            converted = Converted(entry=entry, status=result.status, asked_for=result.post_action, reports=reports)
            self._on_the_way.remember(line.archive, arrival, converted)
        for report, body, summary in zip_longest(reports, result.documents, result.summaries):
            if report.submission_state is not SubmissionState.WAITING:
                continue
            as_given = body if summary and summary.own_id == report.report_id else None
            self._outbox.offer(ArchivedParcel(archive=line.archive, report=report, document=as_given))

    def finish(self, line: Line, arrival: Arrival) -> None:
        """Post-process a source of which nothing waits for the server any more, and close its account."""
        assert line.archive is not None and arrival.archive_id is not None
        converted = self._on_the_way.take(line.archive, arrival.archive_id) or recalled(line.archive, arrival)
        entry, reports = converted.entry, converted.reports
        refusal = next((r.last_error for r in reports if r.submission_state is SubmissionState.REFUSED), None)
        own = decide.ending(
            converted.status,
            [report.submission_state for report in reports],
            line.config,
            asked_for=converted.asked_for,
            reason=refusal or _reason_of(entry, arrival),
            is_archived=bool(entry.source_archived_path),
        )
        ending = sharing.end(own, line, arrival)
        departure = departure_of(line, arrival, entry)
        if line.folder and (line.is_taken or not os.path.lexists(departure.path)):
            line.folder.require()
        if ending.destination is not Destination.KEPT and not arrival.moved_to:
            require_closed(line, departure.path, is_removed=ending.destination in REMOVING)
        came_late, looked = self._afterwards.keep_members(
            line, arrival, entry, departure.path, as_converted=self._as_converted.pop(key(line, arrival), None)
        )
        departed = postprocess.carry_out(ending, departure)
        if departed.lies_at:
            self._afterwards.note(line, arrival, entry, departed, looked)
        if departed.is_replaced:
            ending = own  # nobody else can have it any more
            log.warning("source.replaced", converter=line.name, path=arrival.path, archive_id=entry.archive_id)
        elif departed.moved_to:
            line.changed.discard(arrival.path)
        if not line.config.archive_output_reports:
            for report in (r for r in reports if r.submission_state is SubmissionState.ACCEPTED):
                record.remove_document(line.archive, report)
        reason = "; ".join(filter(None, (ending.reason, came_late, departed.note))) or None
        if not departed.is_replaced:
            sharing.note_departure(line, arrival, departed.moved_to)
        stays = ending.state is ArrivalState.DONE and departed.moved_to is None
        line.books.change(
            arrival,
            ending.state,
            reason=reason,
            moved_to=departed.moved_to,
            kept_checksum=entry.source_checksum if stays else None,
            touched=None if arrival.moved_to else departed.touched,
        )
        self._tally.count(ending.state)
        log.info(
            "source.finished", converter=line.name, path=arrival.path, state=ending.state.value, to=departed.moved_to
        )
        if with_hooks := self._with_hooks.pop(key(line, arrival), None):
            self._converting.call_hooks(line, arrival, with_hooks)

    def settled(self, parcel: Parcel, state: SubmissionState, reason: str | None) -> Arrival | None:
        """Take note of a report that the server took or refused; gives the arrival whose reports are all settled, if so."""
        if isinstance(parcel, MemoryParcel):
            self.unarchived.settle(parcel, state, reason)
        if not isinstance(parcel, ArchivedParcel):
            return None
        if arrival := self._on_the_way.settle(parcel.archive, parcel.report, state, reason):
            return arrival
        reports = parcel.archive.reports_of(parcel.report.archive_id)
        is_open = any(r.submission_state is SubmissionState.WAITING for r in reports)
        return None if is_open else ledger.of_entry(parcel.archive, parcel.report.archive_id)

    @staticmethod
    def _now_known(line: Line, arrival: Arrival) -> Arrival:
        return line.books.get(arrival.number) or arrival

    def _taken_in(self, line: Line, arrival: Arrival, busy: bool) -> tuple[Arrival, ArchiveEntry]:
        """Archive a source that was only seen, as it lies there now; gives its arrival as it is then."""
        assert line.interceptor is not None
        _, now = look = sources.look_at(Path(arrival.path))
        if was_replaced(arrival, now):
            raise SourceChanged(f"{arrival.path}: another source lies in its place")  # the next scan misses it
        entry = line.interceptor.pre_convert(
            Path(arrival.path),
            arrival_id=arrival.arrival_id,
            busy=busy,
            look=look,
            is_repeated=arrival.path in line.repeated,
        )
        line.repeated.discard(arrival.path)
        known = replace(
            arrival,
            state=ArrivalState.CONVERTING,
            archive_id=entry.archive_id,
            size_bytes=now.size_bytes,
            mtime_ns=now.mtime_ns,
            inode=now.inode,
            ctime_ns=now.ctime_ns,
        )
        line.archived.append(known)
        return known, entry

    @staticmethod
    def _brought_back(line: Line, arrival: Arrival) -> Arrival:
        """Bring a source back that was set aside in Pending; while another one has its name it stays there.

        It also stays there when its watch folder is another converter's by now, which would take it as new. The ledger has it
        on its way first: what comes back must not look like another source.
        """
        if arrival.state is not ArrivalState.SUSPENDED and not arrival.moved_to:
            return arrival
        path, held = Path(arrival.path), _held(line, arrival)
        if held is None:
            return replace(arrival, moved_to=None)
        line.books.change(arrival, ArrivalState.CONVERTING, moved_to=str(held))
        is_back = path.parent == Path(line.config.watch_folder) and postprocess.bring_back(held, path)
        return replace(arrival, moved_to=None if is_back else str(held))

    def _archived(self, line: Line, arrival: Arrival, busy: bool) -> tuple[Arrival, ArchiveEntry]:
        """Archive a source, if it is not yet; gives it as the ledger has it then."""
        assert line.archive is not None and line.interceptor is not None
        entry = line.archive.entry(arrival.archive_id) if arrival.archive_id else None
        is_recovered = entry is not None and arrival.state is ArrivalState.ARCHIVED
        if entry and not (is_recovered and _is_still(entry, arrival)):
            line.books.change(arrival, ArrivalState.CONVERTING, moved_to=arrival.moved_to)
            return self._now_known(line, arrival), entry
        if entry is None and line.room and (trouble := line.room.trouble()):
            raise _NotArchived(trouble)
        try:
            if entry is None:
                arrival, entry = self._taken_in(line, arrival, busy)
            else:  # what a crash left without its companions
                path, number = Path(arrival.path), arrival.arrival_id
                entry = line.interceptor.pre_convert(path, arrival_id=number, busy=busy)
                arrival = self._now_known(line, arrival)
        except (SourceVanished, SourceChanged):
            raise
        except (StorageError, CatalogError) as exc:
            raise _NotArchived(exc) from exc
        except OSError as exc:
            raise _NotArchived(StorageError(f"{arrival.path}: cannot be archived ({exc.strerror or exc})")) from exc
        self._failing.over(line.name, arrival.number)
        return arrival, entry

    def _convert_entry(
        self, line: Line, arrival: Arrival, entry: ArchiveEntry, *, has_waited: bool
    ) -> ConversionResult:
        """Convert where the source lies; in a private folder when what lies there is not, or no longer, what was archived."""
        assert line.archive is not None
        if entry.source_kind is SourceKind.SCHEDULED:
            return told_result(line.archive, entry)
        if arrival.size_bytes == 0:
            return empty_result()
        is_spoiled = arrival.path in line.changed and bool(entry.source_archived_path)
        is_whole = _is_still(entry, arrival) and not (has_waited and _has_changed(entry, arrival))
        if not arrival.moved_to and not is_spoiled and is_whole:
            result = self._converting.convert(line, Path(arrival.path))
            is_gone = not Path(arrival.path).exists()
            if _is_still(entry, arrival) or (is_gone and not line.folder_trouble()):
                return result
            line.changed.add(arrival.path)
        elif is_spoiled:
            line.changed.discard(arrival.path)
        if not entry.source_archived_path:
            return ConversionResult(status=ConversionStatus.FAILED, error="the source changed before it was converted")
        with self._scratch.folder() as folder:
            return self._converting.convert(line, restore.restore_source(line.archive, entry.archive_id, folder))

    def _set_aside(self, line: Line, arrival: Arrival) -> None:
        path = Path(arrival.moved_to or arrival.path)
        if arrival.moved_to or not path.exists():
            line.books.change(arrival, ArrivalState.SUSPENDED, reason=arrival.reason, moved_to=arrival.moved_to)
            return
        if not postprocess.is_as_it_was(
            departure_of(line, arrival)
        ):  # another source has its place; it waits in the archive
            line.books.change(arrival, ArrivalState.SUSPENDED, reason=arrival.reason)
            return
        held = postprocess.move_into(Path(line.config.pending_folder), path)
        line.books.change(arrival, ArrivalState.SUSPENDED, reason=arrival.reason, moved_to=str(held))

    def _without_archive(self, line: Line, arrival: Arrival, trouble: ArchiveError) -> Waits | None:
        """The archive cannot take the source: it waits where it is, or is converted and owed to the archive (invariant 11)."""
        log.error("archive.failed", converter=line.name, path=arrival.path, reason=str(trouble))
        if line.config.on_archive_error == "hold" or line.is_waiting:
            self._failing.note(line.name, arrival.number, trouble)
            return Waits(reason=str(trouble), needs_person=True)
        self._failing.note(line.name, OWED, trouble)
        return self.unarchived.take(line, arrival, is_owed=True)


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


def _reason_of(entry: ArchiveEntry, arrival: Arrival) -> str | None:
    """Why it ends as it does; one that could not leave its folder has that for its reason in the ledger."""
    return entry.conversion_error if arrival.state is ArrivalState.STUCK else arrival.reason


def _is_still(entry: ArchiveEntry, arrival: Arrival) -> bool:
    path = Path(arrival.path)
    try:
        now = sources.signature(path)
    except SourceVanished:
        return False
    is_as_archived = (now.mtime_ns, now.size_bytes) == (entry.source_mtime_ns, entry.source_size_bytes)
    return path.is_dir() or (is_as_archived and is_as_known(arrival, now))


def _has_changed(entry: ArchiveEntry, arrival: Arrival) -> bool:
    """Tell whether a folder, or a companion, is not what was archived: a source that waited may find those of the next one."""
    path = Path(arrival.path)
    try:
        now = sources.signature(path)
        mark = (now.size_bytes, now.mtime_ns)
        if entry.source_kind is SourceKind.FOLDER and mark != (arrival.size_bytes, arrival.mtime_ns):
            return True
        beside = ((each, path.parent / each.name) for each in entry.companions)
        return not all(companions.is_same(file, each) for each, file in beside)
    except (OSError, ArchiveError):
        return True
