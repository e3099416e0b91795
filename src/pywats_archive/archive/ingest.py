"""Taking a source in: its bytes durable, its companions with it, its row committed, before anyone converts it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from pywats_archive.archive import again, companions, layout, sources
from pywats_archive.archive.core import Archive
from pywats_archive.archive.packing import Packing, pack
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.store import UNKNOWN, Blob, Content, measure
from pywats_archive.catalog import arrivals, entries, events
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import SourceChanged, SourceKnown, StorageError
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.entry import ArchiveEntry, Companion, SourceKind
from pywats_archive.models.event import Event
from pywats_archive.models.ids import ARCHIVE_ID_LENGTH

_NO_ID = "0" * ARCHIVE_ID_LENGTH


@dataclass(frozen=True, kw_only=True, slots=True)
class NewSource:
    """What is to be archived, and what is known of it beforehand."""

    path: Path
    converter_name: str
    converter_version: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    """The converter's effective configuration, without clear secrets."""
    companion_rules: tuple[str, ...] = ()
    compression_level: int = 6
    keep_source: bool = True
    """False leaves the bytes out: only the record is made (``archive_source_files``)."""
    arrival_id: int | None = None
    """The ledger's row that goes on to ``arrival_state`` in the same commit."""
    arrival_state: ArrivalState = ArrivalState.ARCHIVED
    look: sources.Look | None = None
    """What was seen at ``path`` just now; only that is archived. None: whatever lies there."""
    is_repeated: bool = False
    """Whether another arrival of this path may be the same source: its bytes are compared."""


class _AlreadyArchived(Exception):
    def __init__(self, entry: ArchiveEntry) -> None:
        self.entry = entry


def archive_source(archive: Archive, source: NewSource) -> ArchiveEntry:
    """Archive a file or folder with its companions; durable and committed once this returns (invariant 1).

    The same source again (path, size, mtime, checksum) gives the entry it has. SourceChanged, SourceVanished and
    StorageError (disk full, no rights) leave nothing behind that counts. SourceKnown: what was seen is the source of another
    arrival, which it is from now on.
    """
    archive.require_owner()
    try:
        draft = _Draft.of(archive, source)
        try:
            return _take_in(draft)
        except _AlreadyArchived as known:
            return _go_on(draft, known.entry)
        except again.KnownAgain as known:
            again.settle(archive, known)
            raise SourceKnown(f"{source.path}: {known.reason}") from known
    except OSError as exc:
        raise StorageError(f"{source.path}: cannot be archived in {archive.root} ({exc.strerror or exc})") from exc


def add_companions(archive: Archive, entry: ArchiveEntry, paths: Sequence[Path], *, found_by: str) -> ArchiveEntry:
    """Archive those of ``paths`` (files beside the source) that the entry does not have yet; gives the entry as it is then."""
    base = Path(entry.source_original_path).parent
    known = {companion.name for companion in entry.companions}
    new = [path for path in paths if path.relative_to(base).as_posix() not in known]
    if not new:
        return entry
    packing = Packing(archive_id=entry.archive_id, base=base, found_by=found_by, level=entry.compression_level)
    blobs: list[Blob] = []
    try:
        found = pack(archive, packing, new, blobs)
        return _with_companions(archive, entry, found, blobs, found_by=found_by)
    except OSError as exc:
        archive.take_back(entry.archive_id, blobs)
        raise StorageError(f"{base}: companions cannot be archived ({exc.strerror or exc})") from exc
    except Exception:
        archive.take_back(entry.archive_id, blobs)
        raise


def _with_companions(
    archive: Archive, entry: ArchiveEntry, found: Sequence[Companion], blobs: Sequence[Blob], *, found_by: str
) -> ArchiveEntry:
    whole = replace(entry, companions=(*entry.companions, *found))
    disk = sum(blob.disk_size_bytes for blob in blobs)
    details = {"names": [c.name for c in found], "found_by": found_by}

    def unit(tx: Connection) -> None:
        for blob in blobs:
            archive.blobs.settle(blob)
        entries.set_companions(tx, entry.archive_id, whole.companions, disk_size_bytes=disk)
        events.append(
            tx, Event(kind="companions.archived", at=archive.now(), archive_id=entry.archive_id, details=details)
        )

    archive.write(unit)
    return whole


def archive_result(
    archive: Archive, source: NewSource, document: bytes, *, mtime_ns: int | None = None
) -> ArchiveEntry:
    """Make the entry of a scheduled converter's result, which has no source but what ``document`` says of it.

    The same result again (path, ``mtime_ns``, document) gives the entry it has.
    """
    archive.require_owner()
    moment = archive.now()
    made_ns = int(moment.timestamp() * 1e9) if mtime_ns is None else mtime_ns
    nothing = sources.Signature.of(len(document), made_ns)
    draft = _Draft(archive=archive, source=source, kind=SourceKind.SCHEDULED, moment=moment, signature=nothing)
    try:
        blob = draft.write([document])
    except _AlreadyArchived as known:
        return _go_on(draft, known.entry)
    except OSError as exc:
        raise StorageError(f"{archive.root}: cannot archive ({exc.strerror or exc})") from exc
    entry = draft.entry(draft.id_of(blob), blob.content, [blob], ())
    try:
        archive.write(lambda tx: _commit(tx, draft, entry, blob))
    except Exception:
        archive.take_back(entry.archive_id, [blob])
        raise
    return entry


def _take_in(draft: _Draft) -> ArchiveEntry:
    archive = draft.archive
    if not draft.source.keep_source:
        return _only_record(draft)
    blobs = [draft.write()]
    try:
        return _keep(draft, blobs)
    except Exception:
        archive.take_back(draft.id_of(blobs[0]), blobs)
        raise


def _keep(draft: _Draft, blobs: list[Blob]) -> ArchiveEntry:
    """Commit a source whose blob is written, with its companions; what is written more is added to ``blobs``."""
    archive, source = draft.archive, draft.source
    if draft.kind is SourceKind.FOLDER and sources.signature(source.path) != draft.signature:
        raise SourceChanged(f"{source.path}: changed while it was read; it is read again when it is quiet")
    blob, kept = blobs[0], cast(tuple[Companion, ...], ())
    beside = companions.by_rules(source.path, source.companion_rules)
    if beside:
        base, level = source.path.parent, source.compression_level
        packing = Packing(archive_id=draft.id_of(blob), base=base, found_by="rule", level=level)
        kept = pack(archive, packing, beside, blobs)
        for packed in blobs[1:]:
            archive.blobs.settle(packed)
    entry = draft.entry(draft.id_of(blob), blob.content, blobs, kept)
    archive.write(lambda tx: _commit(tx, draft, entry, blob))
    return entry


def _only_record(draft: _Draft) -> ArchiveEntry:
    """Make the entry of a source whose bytes are not to be kept."""
    content = measure(draft.chunks())
    draft.refuse_known_again(content)
    entry = draft.entry(draft.archive.claim_id(draft.moment, content.sha256), content, (), ())
    draft.archive.write(lambda tx: _commit(tx, draft, entry, None))
    return entry


def _go_on(draft: _Draft, entry: ArchiveEntry) -> ArchiveEntry:
    """Go on with the entry that the source has; SourceChanged when it was purged in the meantime: it is archived anew then."""
    archive, source = draft.archive, draft.source

    def unit(tx: Connection) -> None:
        if entries.get(tx, entry.archive_id).purged_at:
            raise SourceChanged(f"{source.path}: its entry {entry.archive_id} was just purged; it is archived anew")
        _advance(tx, archive, entry, source, draft.signature)

    archive.write(unit)
    return add_companions(archive, entry, companions.by_rules(source.path, source.companion_rules), found_by="rule")


def _commit(tx: Connection, draft: _Draft, entry: ArchiveEntry, blob: Blob | None) -> None:
    archive, source = draft.archive, draft.source
    if blob:
        archive.blobs.settle(blob)
    entries.add(tx, entry)
    _advance(tx, archive, entry, source, draft.signature)
    details = {
        "converter_name": entry.converter_name,
        "original_path": entry.source_original_path,
        "blob": entry.source_archived_path,
        "checksum": entry.source_checksum,
        "size_bytes": entry.source_size_bytes,
        "companions": [companion.name for companion in entry.companions],
    }
    events.append(tx, Event(kind="source.archived", at=entry.created_at, archive_id=entry.archive_id, details=details))


def _advance(tx: Connection, archive: Archive, entry: ArchiveEntry, source: NewSource, seen: sources.Signature) -> None:
    """Bring the arrival on, with the size and time that the source had when it was read."""
    if source.arrival_id is not None:
        is_there = arrivals.change(
            tx,
            source.arrival_id,
            state=source.arrival_state,
            now=archive.now(),
            archive_id=entry.archive_id,
            size_bytes=seen.size_bytes,
            mtime_ns=seen.mtime_ns,
            inode=seen.inode,
            ctime_ns=seen.ctime_ns,
        )
        if not is_there:
            raise SourceChanged(f"{source.path}: it left meanwhile as the source of another arrival")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Draft:
    archive: Archive
    source: NewSource
    kind: SourceKind
    moment: datetime
    signature: sources.Signature

    @classmethod
    def of(cls, archive: Archive, source: NewSource) -> _Draft:
        kind, signature = source.look or sources.look_at(source.path)
        return cls(archive=archive, source=source, kind=kind, moment=archive.now(), signature=signature)

    @property
    def mtime_ns(self) -> int:
        return self.signature.mtime_ns

    @staticmethod
    def id_of(blob: Blob) -> str:
        return blob.path.rpartition("/")[2][:ARCHIVE_ID_LENGTH]

    def write(self, chunks: Iterable[bytes] | None = None) -> Blob:
        folder = layout.day_folder(layout.SOURCES, f"{self.moment:%Y%m%d}")
        return self.archive.blobs.write(
            self.chunks() if chunks is None else chunks,
            folder=folder,
            draft=lambda: self._label(_NO_ID, UNKNOWN),
            naming=self._name,
            level=self.source.compression_level,
        )

    def chunks(self) -> Iterator[bytes]:
        if self.kind is SourceKind.FOLDER:
            return sources.read_folder(self.source.path)
        return sources.read_file(self.source.path, expected=self.signature)

    def _name(self, content: Content) -> tuple[str, Label]:
        self.refuse_known_again(content)
        self._refuse_known(content)
        archive_id = self.archive.claim_id(self.moment, content.sha256)
        is_folder = self.kind is SourceKind.FOLDER
        path = layout.folder_path(archive_id) if is_folder else layout.source_path(archive_id, self.source.path.name)
        return path, self._label(archive_id, content)

    def refuse_known_again(self, content: Content) -> None:
        """Raise KnownAgain when the source is another arrival's, under another time, name or path."""
        if self.source.arrival_id is not None:
            seen = again.Seen(
                arrival_id=self.source.arrival_id,
                converter_name=self.source.converter_name,
                path=os.fspath(self.source.path),
                signature=self.signature,
                checksum=content.checksum,
                is_repeated=self.source.is_repeated,
            )
            again.refuse(self.archive, seen)

    def _refuse_known(self, content: Content) -> None:
        with self.archive.read() as db:
            known = entries.find_same_source(
                db,
                path=os.fspath(self.source.path),
                size_bytes=content.size_bytes,
                mtime_ns=self.mtime_ns,
                checksum=content.checksum,
                converter_name=self.source.converter_name,
            )
        if known and not known.purged_at:
            raise _AlreadyArchived(known)

    def _label(self, archive_id: str, content: Content) -> Label:
        name, own_ns = self.source.path.name, self.signature.own_mtime_ns
        return Label(
            original_name=f"{name}.tar" if self.kind is SourceKind.FOLDER else name,
            mtime_s=self.mtime_ns // 1_000_000_000,
            metadata={
                "kind": "source",
                "archive_id": archive_id,
                "source_kind": self.kind.value,
                "converter_name": self.source.converter_name,
                "converter_version": self.source.converter_version,
                "original_path": os.fspath(self.source.path),
                "sha256": content.sha256,
                "size_bytes": content.size_bytes,
                "mtime_ns": self.mtime_ns,
                **({} if own_ns is None else {sources.OWN_MTIME_NS: own_ns}),
                "archived_at": self.moment.isoformat(),
                "compression_level": self.source.compression_level,
            },
        )

    def entry(
        self, archive_id: str, content: Content, blobs: Sequence[Blob], kept: tuple[Companion, ...]
    ) -> ArchiveEntry:
        """Make the entry; the first of ``blobs``, if there is any, holds the source."""
        blob = blobs[0] if blobs else None
        return ArchiveEntry(
            archive_id=archive_id,
            converter_name=self.source.converter_name,
            converter_version=self.source.converter_version,
            source_original_path=os.fspath(self.source.path),
            source_archived_path=blob.path if blob else "",
            source_checksum=content.checksum,
            source_size_bytes=content.size_bytes,
            compressed_size_bytes=blob.compressed_size_bytes if blob else 0,
            disk_size_bytes=sum(each.disk_size_bytes for each in blobs),
            source_kind=self.kind,
            source_mtime_ns=self.mtime_ns,
            compression_level=self.source.compression_level,
            companions=kept,
            conversion_timestamp=self.moment,
            conversion_parameters=self.source.parameters,
            retention_until=self.archive.policies.effective(self.source.converter_name).kept_until(
                self.moment.date(), failed=False
            ),
            created_at=self.moment,
        )
