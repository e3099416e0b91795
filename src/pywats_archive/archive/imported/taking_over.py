"""Importing sources: their blobs are durable, then they are committed together, and nothing of them is ever sent."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import account, locks, role
from pywats_archive.archive.imported import known
from pywats_archive.archive.imported.todo import Importing, Outcome, ToDo
from pywats_archive.archive.report_ids.assignment import spare_id
from pywats_archive.archive.results.document import fields_of, read
from pywats_archive.archive.results.reports import Place, archive_report
from pywats_archive.archive.sources import companions, ingest, packing, reading
from pywats_archive.archive.sources.draft import AlreadyArchived, Draft, NewSource, imported_event
from pywats_archive.archive.sources.failure import not_archived
from pywats_archive.blobs.reading import Content
from pywats_archive.blobs.reserve import NO_ROOM
from pywats_archive.blobs.store import Blob
from pywats_archive.catalog import entries, events, reports, stored
from pywats_archive.catalog.engine import Connection
from pywats_archive.catalog.stored import FileKey, Stored
from pywats_archive.errors import SourceChanged, SourceVanished, StorageError, UsageError
from pywats_archive.models.entry import IMPORTED, ArchiveEntry, ConversionStatus, SourceKind
from pywats_archive.models.event import Event
from pywats_archive.models.report import IMPORTED as IMPORTED_REPORT
from pywats_archive.models.report import Report, SubmissionState, id_key, summarize

_LONGEST_RECOVERY_S = 600.0
"""How long an import waits for the recovery of a service that starts."""


class _Unreadable(Exception):
    """The source cannot be read; the archive is sound."""


@dataclass(kw_only=True)
class _Taken:
    """A source whose blobs are written, and that has no row yet."""

    entry: ArchiveEntry
    origin: Mapping[str, object]
    """Where it comes from, as its header and its event say."""
    blobs: list[Blob]
    reports: tuple[Report, ...]
    stored: tuple[tuple[FileKey, Stored], ...]


def take_over(archive: Archive, todos: Sequence[ToDo], how: Importing) -> tuple[Outcome, ...]:
    """Import sources in one commit; durable once this returns. Call it inside ``locks.only_import``.

    One that is archived already, vanishes or cannot be read is an outcome, not an error. StorageError (disk full, no rights)
    comes after the commit of those before.
    """
    account.require_owner(archive.root)
    taken: list[_Taken] = []
    outcomes: list[Outcome] = []
    with locks.between_import_batches(archive.root, timeout_s=_LONGEST_RECOVERY_S):
        try:
            outcomes.extend(_outcome(archive, todo, how, taken) for todo in todos)
        finally:
            _commit_all(archive, taken, how)
    return tuple(outcomes)


def _outcome(archive: Archive, todo: ToDo, how: Importing, taken: list[_Taken]) -> Outcome:
    try:
        return _new_or_known(archive, todo, how, taken)
    except (_Unreadable, SourceChanged, SourceVanished) as exc:
        return Outcome(path=todo.path, reason=str(exc))
    except (ValueError, RecursionError, UsageError) as exc:
        return Outcome(path=todo.path, reason=f"{todo.path}: cannot be archived ({exc})")
    except OSError as exc:
        raise not_archived(todo.path, archive.root, exc) from exc


def _new_or_known(archive: Archive, todo: ToDo, how: Importing, taken: list[_Taken]) -> Outcome:
    try:
        new = _take(archive, todo, how, taken)
    except AlreadyArchived as exc:
        archive_id, added = exc.entry.archive_id, 0
        if any(new.entry.archive_id == archive_id for new in taken):
            _commit_all(archive, taken, how)
            taken.clear()
        if known.known_as(archive, exc.entry).is_imported:
            added = add_reports(archive, archive_id, todo.documents, how)
            _add_companions(archive, exc.entry, todo, how)
        return Outcome(path=todo.path, archive_id=archive_id, reports=added)
    taken.append(new)
    disk = new.entry.disk_size_bytes + sum(report.disk_size_bytes for report in new.reports)
    return Outcome(
        path=todo.path,
        archive_id=new.entry.archive_id,
        is_new=True,
        reports=len(new.reports),
        disk_size_bytes=disk,
    )


def _take(archive: Archive, todo: ToDo, how: Importing, taken: Sequence[_Taken]) -> _Taken:
    """Write the blobs of a source; nothing of it stays after an error."""
    origin = _origin(todo)
    draft = _draft(archive, todo, how, taken, origin)
    blobs = [draft.write_alone(_readable(todo, todo.packed.chunks() if todo.packed else draft.chunks()))]
    archive_id = draft.id_of(blobs[0])
    try:
        if draft.kind is SourceKind.FOLDER and reading.stamp_of(todo.path) != draft.stamp:
            raise SourceChanged(f"{todo.path}: changed while it was read; import it again once it stops changing")
        packed = packing.Packed() if todo.packed else _companions(archive, draft, blobs)
        entry = replace(
            draft.entry(archive_id, blobs[0].content, blobs, packed.companions),
            conversion_timestamp=todo.own_time,
            conversion_status=ConversionStatus.SKIPPED,
            conversion_error=IMPORTED,
        )
        made = tuple(_reports(archive, archive_id, todo.documents, (), how, blobs))
    except Exception:
        archive.remove_uncommitted(archive_id, blobs)
        raise
    return _Taken(entry=entry, origin=origin, blobs=blobs, reports=made, stored=packed.stored)


def _draft(
    archive: Archive, todo: ToDo, how: Importing, taken: Sequence[_Taken], origin: Mapping[str, object]
) -> Draft:
    source = NewSource(
        path=todo.path,
        original_path=todo.original_path,
        converter_name=how.converter_name,
        companion_rules=how.companion_rules,
        compression_level=how.compression_level,
    )
    kind, stamp = todo.look
    path = os.fspath(todo.original_path)

    def refuse_known(content: Content) -> None:
        with archive.read() as db:
            before = entries.at_path(db, path, how.converter_name)
        present = (each for each in before if known.has_bytes(each))
        for each in (*present, *(new.entry for new in taken if new.entry.source_original_path == path)):
            if each.source_checksum == content.checksum:
                raise AlreadyArchived(each)

    return Draft(
        archive=archive, source=source, kind=kind, moment=archive.now(), stamp=stamp, header=origin, is_new=refuse_known
    )


def _origin(todo: ToDo) -> dict[str, object]:
    """Return what is recorded of where a source comes from; reads the zip that the source lies in."""
    origin: dict[str, object] = {role.ORIGIN: role.IMPORTED, role.OWN_TIME: todo.own_time.isoformat()}
    if (packed := todo.packed) is not None:
        with _reading(todo):
            checksum = packed.sha256()
        origin[role.PACKED_IN] = {"name": packed.name, "size_bytes": packed.size_bytes, "sha256": checksum}
    return origin


def _readable(todo: ToDo, chunks: Iterable[bytes]) -> Iterator[bytes]:
    with _reading(todo):
        yield from chunks


@contextmanager
def _reading(todo: ToDo) -> Iterator[None]:
    """Read a source in the block; an error in reading it is not an error of the archive."""
    try:
        yield
    except (OSError, ValueError, StorageError) as exc:
        if isinstance(exc, SourceChanged | SourceVanished):
            raise
        reason = (exc.strerror or str(exc)) if isinstance(exc, OSError) else str(exc)
        raise _Unreadable(f"{todo.path}: cannot be read ({reason})") from exc


def _companions(archive: Archive, draft: Draft, blobs: list[Blob]) -> packing.Packed:
    beside = companions.by_rules(draft.source.path, draft.source.companion_rules)
    if not beside:
        return packing.Packed()
    how = packing.Packing(
        archive_id=draft.id_of(blobs[0]),
        source=draft.source.path,
        found_by="rule",
        level=draft.source.compression_level,
        converter_name=draft.source.converter_name,
        converter_version=None,
    )
    try:
        return packing.pack(archive, how, beside, blobs)
    except OSError as exc:
        raise _Unreadable(f"{draft.source.path}: a companion cannot be read ({exc.strerror or exc})") from exc


def _add_companions(archive: Archive, entry: ArchiveEntry, todo: ToDo, how: Importing) -> None:
    """Add companions that an imported entry does not have yet (``known.addable``)."""
    if todo.packed or not how.companion_rules or todo.look[0] is not SourceKind.FILE:
        return
    beside = companions.by_rules(todo.path, how.companion_rules)
    try:
        more = known.addable(entry.created_at, todo.path, beside)
        ingest.add_companions(archive, archive.entry(entry.archive_id), more, found_by="rule")
    except StorageError as exc:
        cause = exc.__cause__
        if isinstance(cause, OSError) and cause.errno not in NO_ROOM:
            raise _Unreadable(f"{todo.path}: a companion cannot be read ({cause.strerror or cause})") from exc
        raise


def _reports(
    archive: Archive,
    archive_id: str,
    documents: Sequence[bytes],
    present: Sequence[Report],
    how: Importing,
    blobs: list[Blob],
) -> Iterator[Report]:
    """Write the documents as reports that are never sent, and yield their rows."""
    taken = {id_key(report.report_id) for report in present}
    for ordinal, body in enumerate(documents, len(present) + 1):
        spare = uuid.UUID(spare_id(archive_id, ordinal, taken))
        document = read(body, fixed_id=None, spare_id=spare)
        taken.add(id_key(document.report_id))
        place = Place(archive_id=archive_id, ordinal=ordinal, number=ordinal, is_imported=True)
        blob, report = archive_report(archive, place, document, SubmissionState.WITHHELD, how.compression_level)
        blobs.append(blob)
        yield replace(report, last_error=IMPORTED_REPORT)


def _commit_all(archive: Archive, taken: Sequence[_Taken], how: Importing) -> None:
    if not taken:
        return

    def unit(tx: Connection) -> None:
        for each in taken:
            for blob in each.blobs:
                archive.blobs.sync_name(blob)
            entries.add(tx, each.entry)
            stored.put(tx, each.entry.archive_id[:8], each.stored)
            events.append(tx, replace(imported_event(each.entry, **each.origin), actor=how.actor))
            _add_rows(tx, archive, each.entry.archive_id, each.reports, how)

    try:
        archive.write(unit)
    except Exception:
        for each in taken:
            archive.remove_uncommitted(each.entry.archive_id, each.blobs)
        raise


def _add_rows(tx: Connection, archive: Archive, archive_id: str, made: Sequence[Report], how: Importing) -> None:
    for report in made:
        reports.add(tx, report)
        details = {
            "report_id": report.report_id,
            "blob": report.archived_path,
            "checksum": report.checksum,
            "origin": role.IMPORTED,
        }
        event = Event(kind="report.archived", at=archive.now(), archive_id=archive_id, actor=how.actor, details=details)
        events.append(tx, event)
    if made and entries.get(tx, archive_id).is_as_imported:
        entries.show_reports(tx, archive_id, reports.of_entry(tx, archive_id))


def _own_key(body: bytes) -> str | None:
    own_id = summarize(fields_of(body)).own_id
    return id_key(own_id) if own_id else None


def add_reports(archive: Archive, archive_id: str, documents: Sequence[bytes], how: Importing) -> int:
    """Add those documents to an imported entry that it does not have as reports; returns their number.

    A crash may have come between a source and its reports, or they were put into the folder later. One with the id of
    another report of the entry is not added.
    """
    present = archive.reports_of(archive_id) if documents else ()
    there, ids = {report.checksum for report in present}, {id_key(report.report_id) for report in present}
    new = [body for body in documents if reading.checksum_of(body) not in there and _own_key(body) not in ids]
    blobs: list[Blob] = []
    try:
        made = tuple(_reports(archive, archive_id, new, present, how, blobs))

        def unit(tx: Connection) -> None:
            entry = entries.get(tx, archive_id)
            if not known.has_bytes(entry):
                raise _Unreadable(f"{entry.source_original_path}: its entry was purged meanwhile; import it again")
            for blob in blobs:
                archive.blobs.sync_name(blob)
            _add_rows(tx, archive, archive_id, made, how)

        if made:
            archive.write(unit)
    except Exception:
        archive.remove_uncommitted(archive_id, blobs)
        raise
    return len(made)
