"""Archiving sources that were converted while the archive failed, once it works again and has space (invariant 11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.sources.reading import stamp_of
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.errors import NoteUntrusted, SourceVanished, StorageError
from pywats_archive.models.arrival import Arrival, ArrivalState, NextState
from pywats_archive.models.entry import SourceKind
from pywats_archive.pipeline.alerting.alerts import UNTRUSTED, Alerts
from pywats_archive.pipeline.alerting.archive_failures import DEFERRED, ArchiveFailures
from pywats_archive.pipeline.deferred.note import NOTE, SOURCE, Note, recorded
from pywats_archive.pipeline.deferred.spool import Parked, Spool, checksum_of
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.postprocess import departing
from pywats_archive.portable import files

log = structlog.get_logger()


class Backfill:
    """Archives parked sources, in the service's own thread, and remembers which could not be archived."""

    def __init__(self, spool: Spool, alerts: Alerts, failures: ArchiveFailures) -> None:
        self._spool = spool
        self._alerts = alerts
        self._failures = failures
        self._reasons: dict[tuple[str, Path | None], dict[Path, str]] = {}

    def run(self, lane: Lane) -> None:
        """Archive the parked sources of a lane, if its archive works now and has space."""
        if lane.attachment is None or not lane.watches or lane.archive_trouble():
            return
        before = self._reasons.get((lane.name, lane.root), {})
        reasons = self._reasons[lane.name, lane.root] = dict[Path, str]()

        def fail(path: Path, exc: Exception) -> None:
            reasons[path] = str(exc)
            if isinstance(exc, NoteUntrusted):
                self._alerts.raise_alert(UNTRUSTED, str(path), reason=str(exc))
            if before.get(path) != str(exc):  # each is tried every second, and logged once
                log.error("backfill.failed", converter=lane.name, path=str(path), reason=str(exc))

        try:
            waiting = list(self._spool.parked(lane.config))
        except StorageError as exc:
            fail(Path(lane.config.done_folder), exc)
            return
        archive, interceptor = lane.attachment.archive, lane.attachment.interceptor
        for parked in waiting:
            try:
                archive_parked(archive, interceptor, lane.config, parked, spool=self._spool)
            except Exception as exc:
                fail(parked.folder, exc)
            else:
                log.info("backfill.done", converter=lane.name, path=str(parked.folder))
        for path in before.keys() - reasons.keys():
            self._alerts.clear(UNTRUSTED, str(path))
        if not reasons:
            self._failures.resolve(lane.name, DEFERRED)

    def blockers(self, lanes: Iterable[Lane]) -> tuple[str, ...]:
        """Return a line for each parked source that could not be archived at the last try."""
        failed = ((lane.name, self._reasons.get((lane.name, lane.root), {})) for lane in lanes)
        return tuple(f"{name}: {why}" for name, reasons in failed for why in reasons.values())


def archive_parked(
    archive: Archive, interceptor: ArchiveInterceptor, config: ConverterConfig, parked: Parked, *, spool: Spool
) -> None:
    """Archive one parked source and move it on to Done or Error; safe to repeat.

    StorageError when that fails, or when the note is invalid. NoteUntrusted when the note is not this station's, or is not
    about this source; nothing is archived or moved then.
    """
    with spool.exclusively(config):
        note = spool.is_current(parked, config)
        if note is None:
            return
        spool.require_trusted(parked.folder, note, config)
        found = parked.sources()
        _require_same(parked.folder, note, found)
        for source in found:
            _archive_source(archive, interceptor, config, source, note)
        if note.original_path and not found:
            _archive_unparked(archive, interceptor, config, parked.folder, note)
        spool.remove(parked)


def _archive_unparked(
    archive: Archive, interceptor: ArchiveInterceptor, config: ConverterConfig, folder: Path, note: Note
) -> None:
    """Archive a source from the watch folder that was converted before a crash, and may be sent: its reports keep their ids."""
    path = Path(note.original_path)
    known = ledger.find(archive, note.arrival_id) or ledger.latest_at(archive, config.name, [str(path)]).get(str(path))
    is_its = known is not None and known.stamp.matches(note)
    if known and is_its and known.archive_id and archive.last_conversion(known.archive_id):
        return  # an earlier attempt recorded it
    if not _lies_there(note):
        raise StorageError(
            f"{folder}: {path} is gone or was replaced since it was converted; its reports are in {NOTE}: check whether "
            "the server has them, then remove the folder"
        )
    arrival = _arrival_of(archive, config, path, note)
    entry = interceptor.pre_convert(path, arrival_id=arrival.arrival_id)
    result, state = recorded(note, interceptor.info), NextState(state=ArrivalState.WAITING)
    interceptor.post_convert(entry, result, arrival_id=arrival.arrival_id, next_state=state)


def _lies_there(note: Note) -> bool:
    try:
        now = stamp_of(Path(note.original_path))
    except (OSError, SourceVanished):
        return False
    return now.matches(note)


def _archive_source(
    archive: Archive, interceptor: ArchiveInterceptor, config: ConverterConfig, source: Path, note: Note
) -> None:
    arrival = _arrival_of(archive, config, source, note)
    entry = interceptor.pre_convert(source, arrival_id=arrival.arrival_id)
    if note.checksum and entry.source_kind is SourceKind.FILE and entry.source_checksum != note.checksum:
        raise NoteUntrusted(f"{source}: was changed while it was archived; find out who did this; it stays where it is")
    if archive.last_conversion(entry.archive_id) is None:
        dropped = f"archived after its conversion; it was dropped as {note.original_path or 'unknown'}"
        result = recorded(note, interceptor.info)
        result = replace(result, warnings=(*result.warnings, dropped))
        interceptor.post_convert(
            entry, result, arrival_id=arrival.arrival_id, submit=False, withheld_because="sent before it was archived"
        )
    is_done = note.state in (ArrivalState.DONE, ArrivalState.SKIPPED)
    moved = departing.move_into(Path(config.done_folder if is_done else config.error_folder), source)
    ledger.set_arrival(archive, arrival.number, note.state, moved_to=str(moved), reason="archived late")


def _require_same(folder: Path, note: Note, found: Sequence[Path]) -> None:
    """Raise NoteUntrusted when the folder does not contain the source that the note is about."""
    if link := next((source for source in found if files.is_link(source)), None):
        raise NoteUntrusted(f"{link}: is a link, which is never followed there; find out who made it, and remove it")
    if note.checksum and found and [checksum_of(source) for source in found] != [note.checksum]:
        fault = "is not the source that its note is about; find out who changed it. It is not archived or moved"
        raise NoteUntrusted(f"{folder / SOURCE}: {fault}")


def _arrival_of(archive: Archive, config: ConverterConfig, source: Path, note: Note) -> Arrival:
    """Return the source's unfinished arrival, or a new one if the source could not be entered at that time."""
    known = ledger.find(archive, note.arrival_id) or ledger.latest_at(archive, config.name, [str(source)]).get(
        str(source)
    )
    if known and not known.state.is_final and known.path in (note.original_path, str(source)):
        return known
    now = stamp_of(source)
    sighting = Sighting(path=str(source), size_bytes=now.size_bytes, mtime_ns=now.mtime_ns)
    return ledger.enter(archive, config.name, [sighting])[0]
