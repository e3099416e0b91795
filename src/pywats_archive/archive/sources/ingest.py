"""Archiving a source: its bytes are durable, its companions are with it and its row is committed before the conversion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import companions, reading, repeated
from pywats_archive.archive.sources.committing import advance, commit
from pywats_archive.archive.sources.draft import AlreadyArchived, Draft
from pywats_archive.archive.sources.draft import NewSource as NewSource  # noqa: PLC0414 (callers have it from here)
from pywats_archive.archive.sources.failure import not_archived
from pywats_archive.archive.sources.packing import Packed, Packing, pack
from pywats_archive.blobs.reading import measure
from pywats_archive.blobs.store import Blob
from pywats_archive.catalog import entries, events, stored
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import SourceChanged, SourceKnown, StorageError
from pywats_archive.models import file_stamp
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.models.event import Event


def archive_source(archive: Archive, source: NewSource) -> ArchiveEntry:
    """Archive a file or folder with its companions; durable and committed once this returns (invariant 1).

    The same source again (path, size, mtime, checksum) returns its existing entry. SourceChanged, SourceVanished and
    StorageError (disk full, no rights) leave nothing behind that counts. SourceKnown: the source belongs to another arrival,
    which has been updated.
    """
    archive.require_owner()
    try:
        draft = Draft.of(archive, source)
        try:
            return _store(draft)
        except AlreadyArchived as known:
            return _go_on(draft, known.entry)
        except repeated.KnownAgain as known:
            repeated.assign(archive, known)
            raise SourceKnown(f"{source.path}: {known.reason}") from known
    except OSError as exc:
        raise not_archived(source.path, archive.root, exc) from exc


def add_companions(archive: Archive, entry: ArchiveEntry, paths: Sequence[Path], *, found_by: str) -> ArchiveEntry:
    """Archive those of ``paths`` (files beside the source) that the entry does not have yet; returns the new entry."""
    base = Path(entry.source_original_path).parent
    known = {companion.name for companion in entry.companions}
    new = [path for path in paths if path.relative_to(base).as_posix() not in known]
    if not new:
        return entry
    packing = Packing(
        archive_id=entry.archive_id,
        source=Path(entry.source_original_path),
        found_by=found_by,
        level=entry.compression_level,
        converter_name=entry.converter_name,
        converter_version=entry.converter_version,
    )
    blobs: list[Blob] = []
    try:
        return _with_companions(archive, entry, pack(archive, packing, new, blobs), blobs, found_by=found_by)
    except OSError as exc:
        archive.remove_uncommitted(entry.archive_id, blobs)
        raise StorageError(f"{base}: companions cannot be archived ({exc.strerror or exc})") from exc
    except Exception:
        archive.remove_uncommitted(entry.archive_id, blobs)
        raise


def _with_companions(
    archive: Archive, entry: ArchiveEntry, packed: Packed, blobs: Sequence[Blob], *, found_by: str
) -> ArchiveEntry:
    whole = replace(entry, companions=(*entry.companions, *packed.companions))
    disk = sum(blob.disk_size_bytes for blob in blobs)
    details = {"names": [c.name for c in packed.companions], "found_by": found_by}

    def unit(tx: Connection) -> None:
        for blob in blobs:
            archive.blobs.sync_name(blob)
        entries.set_companions(tx, entry.archive_id, whole.companions, disk_size_bytes=disk)
        stored.put(tx, entry.archive_id[:8], packed.stored)
        events.append(
            tx, Event(kind="companions.archived", at=archive.now(), archive_id=entry.archive_id, details=details)
        )

    archive.write(unit)
    return whole


def archive_result(
    archive: Archive, source: NewSource, document: bytes, *, mtime_ns: int | None = None
) -> ArchiveEntry:
    """Create the entry of a scheduled converter's result; ``document`` is its only source.

    The same result again (path, ``mtime_ns``, document) returns its existing entry.
    """
    archive.require_owner()
    moment = archive.now()
    made_ns = int(moment.timestamp() * 1e9) if mtime_ns is None else mtime_ns
    nothing = file_stamp.FileStamp.of(len(document), made_ns)
    draft = Draft(archive=archive, source=source, kind=SourceKind.SCHEDULED, moment=moment, stamp=nothing)
    try:
        blob = draft.write([document])
    except AlreadyArchived as known:
        return _go_on(draft, known.entry)
    except OSError as exc:
        raise StorageError(f"{archive.root}: cannot archive ({exc.strerror or exc})") from exc
    entry = draft.entry(draft.id_of(blob), blob.content, [blob], ())
    try:
        archive.write(lambda tx: commit(tx, draft, entry, blob))
    except Exception:
        archive.remove_uncommitted(entry.archive_id, [blob])
        raise
    return entry


def _store(draft: Draft) -> ArchiveEntry:
    archive = draft.archive
    if not draft.source.keep_source:
        return _only_record(draft)
    blobs = [draft.write()]
    try:
        return _enter(draft, blobs)
    except Exception:
        archive.remove_uncommitted(draft.id_of(blobs[0]), blobs)
        raise


def _enter(draft: Draft, blobs: list[Blob]) -> ArchiveEntry:
    """Commit a source whose blob is written, with its companions; further blobs are added to ``blobs``."""
    archive, source = draft.archive, draft.source
    if draft.kind is SourceKind.FOLDER and reading.stamp_of(source.path) != draft.stamp:
        raise SourceChanged(f"{source.path}: changed while it was read; it is read again once it stops changing")
    blob, packed = blobs[0], Packed()
    beside = companions.by_rules(source.path, source.companion_rules)
    if beside:
        packing = Packing(
            archive_id=draft.id_of(blob),
            source=source.path,
            found_by="rule",
            level=source.compression_level,
            converter_name=source.converter_name,
            converter_version=source.converter_version,
        )
        packed = pack(archive, packing, beside, blobs)
        for each in blobs[1:]:
            archive.blobs.sync_name(each)
    entry = draft.entry(draft.id_of(blob), blob.content, blobs, packed.companions)

    def unit(tx: Connection) -> None:
        commit(tx, draft, entry, blob)
        stored.put(tx, entry.archive_id[:8], packed.stored)

    archive.write(unit)
    return entry


def _only_record(draft: Draft) -> ArchiveEntry:
    """Create the entry of a source whose bytes are not archived."""
    content = measure(draft.chunks())
    draft.refuse_known_again(content)
    entry = draft.entry(draft.archive.claim_id(draft.moment, content.sha256), content, (), ())
    draft.archive.write(lambda tx: commit(tx, draft, entry, None))
    return entry


def _go_on(draft: Draft, entry: ArchiveEntry) -> ArchiveEntry:
    """Continue with the source's existing entry; SourceChanged if that was purged meanwhile: it is archived again then."""
    archive, source = draft.archive, draft.source

    def unit(tx: Connection) -> None:
        if entries.get(tx, entry.archive_id).purged_at:
            raise SourceChanged(f"{source.path}: its entry {entry.archive_id} was just purged; it is archived again")
        advance(tx, archive, entry, source, draft.stamp)

    archive.write(unit)
    return add_companions(archive, entry, companions.by_rules(source.path, source.companion_rules), found_by="rule")
