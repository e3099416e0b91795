"""A source on its way into the archive: its blob and its entry."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout, role
from pywats_archive.archive.folder.role import AS_SOURCE, SHAREABLE
from pywats_archive.archive.sources import reading, repeated
from pywats_archive.archive.sources.packing import file_key
from pywats_archive.blobs.batch import BlobBatch
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.reading import Content, measure
from pywats_archive.blobs.store import UNKNOWN, Blob
from pywats_archive.catalog import entries, stored
from pywats_archive.catalog.stored import FileKey, Stored
from pywats_archive.errors import StorageError
from pywats_archive.models import file_stamp
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.entry import ArchiveEntry, Companion, SourceKind
from pywats_archive.models.event import SOURCE_IMPORTED, Event
from pywats_archive.models.ids import ARCHIVE_ID_LENGTH, day_text, id_in

Put = TypeVar("Put")
_NO_ID = "0" * ARCHIVE_ID_LENGTH


@dataclass(frozen=True, kw_only=True, slots=True)
class NewSource:
    """A source to be archived, and what is known of it beforehand."""

    path: Path
    original_path: Path | None = None
    """Where it arrived, if it is elsewhere now."""
    converter_name: str
    converter_version: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    """The converter's effective configuration, without clear secrets."""
    companion_rules: tuple[str, ...] = ()
    compression_level: int = 6
    keep_source: bool = True
    """False archives only the record, without the bytes (``archive_source_files``)."""
    arrival_id: int | None = None
    """The ledger's row that changes to ``arrival_state`` in the same commit."""
    arrival_state: ArrivalState = ArrivalState.ARCHIVED
    look: reading.Look | None = None
    """The state that was just seen at ``path``; only that is archived. None: whatever is there."""
    is_repeated: bool = False
    """Whether another arrival of this path may be the same source; its bytes are compared then."""

    @property
    def arrived_at(self) -> Path:
        """Where it arrived."""
        return self.original_path or self.path


class AlreadyArchived(Exception):
    """The source has an entry already."""

    def __init__(self, entry: ArchiveEntry) -> None:
        self.entry = entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """One source on its way into the archive, as it was when it was examined."""

    archive: Archive
    source: NewSource
    kind: SourceKind
    moment: datetime
    stamp: file_stamp.FileStamp
    known: ArchiveEntry | None = None
    """An existing entry; if the source has the same bytes, they are not archived again."""
    header: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of the blob's header."""
    is_new: Callable[[Content], None] = lambda content: None
    """Raises AlreadyArchived if the source was archived in a way that only the caller knows."""
    is_path_new: bool = False
    """Whether no entry has its path, as the caller knows."""

    @classmethod
    def of(
        cls, archive: Archive, source: NewSource, *, known: ArchiveEntry | None = None, is_path_new: bool = False
    ) -> Draft:
        kind, stamp = source.look or reading.examine(source.path)
        now = archive.now()
        return cls(
            archive=archive, source=source, kind=kind, moment=now, stamp=stamp, known=known, is_path_new=is_path_new
        )

    @property
    def mtime_ns(self) -> int:
        return self.stamp.mtime_ns

    @staticmethod
    def id_of(blob: Blob) -> str:
        return id_in(blob.path)

    def write(self, chunks: Iterable[bytes] | None = None) -> Blob:
        """Write the blob; a file that was stored as a companion that day gets one more name of that blob."""
        key = self.key
        if key is None:
            return self.write_alone(chunks)
        with self.archive.recent_files.lock(key):
            blob = self._linked(key) or self.write_alone(chunks)
            self.remember(key, blob)
        return blob

    def remember(self, key: FileKey, blob: Blob) -> None:
        """Remember where the file was stored, in case that it is a companion of another source."""
        self.archive.recent_files.remember(self.day, key, Stored(checksum=blob.content.checksum, path=blob.path))

    @property
    def key(self) -> FileKey | None:
        """The key by which the file is recognized again, if it is one that may be stored as a companion, too."""
        return file_key(self.source.arrived_at.name, self.stamp) if self.kind is SourceKind.FILE else None

    @property
    def day(self) -> str:
        """The day of the entry, ``YYYYMMDD``."""
        return day_text(self.moment)

    def stored_as_companion(self, key: FileKey) -> list[str]:
        """Return the blobs that hold a companion of this name, size and time, and could get one more name."""
        found = [self.archive.recent_files.find(self.day, key)]
        if self.archive.recent_files.has_shared(self.day, self._has_shared):
            with self.archive.read() as db:
                found.append(stored.find(db, self.day, key))
        return [each.path for each in found if each and each.path and self._is_header(each.path)]

    def _linked(self, key: FileKey) -> Blob | None:
        paths = self.stored_as_companion(key)
        if not paths:
            return None
        content = measure(self.chunks())
        names = (self._name(content)[0] for _ in itertools.count())
        linked = (self.archive.blobs.share(path, names, checksum=content.checksum) for path in paths)
        return next(filter(None, linked), None)

    def _has_shared(self) -> bool:
        with self.archive.read() as db:
            return stored.is_any(db, self.day)

    def _is_header(self, path: str) -> bool:
        """Whether the header of a companion's blob has what this source's header would have."""
        own = self._label(_NO_ID, UNKNOWN).metadata
        try:
            header = self.archive.blobs.label(path).metadata
        except (OSError, StorageError):
            return False
        is_companion = header.get("kind") == "companions" and header.get(SHAREABLE) is True
        same = all(key in header and header[key] == own[key] for key in AS_SOURCE if key != "compression_level")
        return is_companion and same and header.get("size_bytes") == self.stamp.size_bytes

    def write_alone(self, chunks: Iterable[bytes] | None = None) -> Blob:
        """Write a blob that nothing else shares."""
        return self._put(self.archive.blobs.write, self.chunks() if chunks is None else chunks)

    def prepare(self, batch: BlobBatch) -> None:
        """Write a blob that nothing else shares, as one of a batch."""
        self._put(batch.prepare, self.chunks())

    def _put(self, put: Callable[..., Put], chunks: Iterable[bytes]) -> Put:
        return put(
            chunks,
            folder=layout.day_folder(layout.SOURCES, self.day),
            draft=lambda: self._label(_NO_ID, UNKNOWN),
            naming=self._name,
            level=self.source.compression_level,
        )

    def chunks(self) -> Iterator[bytes]:
        if self.kind is SourceKind.FOLDER:
            return reading.read_folder(self.source.path)
        return reading.read_file(self.source.path, expected=self.stamp)

    def _name(self, content: Content) -> tuple[str, Label]:
        self.refuse_known_again(content)
        self._refuse_known(content)
        self.is_new(content)
        archive_id = self.archive.claim_id(self.moment, content.sha256)
        name, is_folder = self.source.arrived_at.name, self.kind is SourceKind.FOLDER
        path = layout.folder_path(archive_id) if is_folder else layout.source_path(archive_id, name)
        return path, self._label(archive_id, content)

    def refuse_known_again(self, content: Content) -> None:
        """Raise KnownAgain if the source is another arrival's, under another time, name or path."""
        if self.source.arrival_id is not None:
            seen = repeated.Seen(
                arrival_id=self.source.arrival_id,
                converter_name=self.source.converter_name,
                path=os.fspath(self.source.arrived_at),
                stamp=self.stamp,
                checksum=content.checksum,
                is_repeated=self.source.is_repeated,
            )
            repeated.refuse(self.archive, seen)

    def _refuse_known(self, content: Content) -> None:
        if self.known and self.known.source_checksum == content.checksum:
            raise AlreadyArchived(self.known)
        if self.is_path_new:
            return
        with self.archive.read() as db:
            known = entries.find_same_source(
                db,
                path=os.fspath(self.source.arrived_at),
                size_bytes=content.size_bytes,
                mtime_ns=self.mtime_ns,
                checksum=content.checksum,
                converter_name=self.source.converter_name,
            )
        if known and not known.purged_at:
            raise AlreadyArchived(known)

    def _label(self, archive_id: str, content: Content) -> Label:
        name, own_ns = self.source.arrived_at.name, self.stamp.own_mtime_ns
        return Label(
            original_name=f"{name}.tar" if self.kind is SourceKind.FOLDER else name,
            mtime_s=self.mtime_ns // 1_000_000_000,
            metadata={
                "kind": "source",
                "archive_id": archive_id,
                "source_kind": self.kind.value,
                "converter_name": self.source.converter_name,
                "converter_version": self.source.converter_version,
                "original_path": os.fspath(self.source.arrived_at),
                "sha256": content.sha256,
                "size_bytes": content.size_bytes,
                "mtime_ns": self.mtime_ns,
                **({} if own_ns is None else {role.OWN_MTIME_NS: own_ns}),
                "archived_at": self.moment.isoformat(),
                "compression_level": self.source.compression_level,
                **self.header,
            },
        )

    def entry(
        self, archive_id: str, content: Content, blobs: Sequence[Blob], kept: tuple[Companion, ...]
    ) -> ArchiveEntry:
        """Return the entry; the first of ``blobs``, if any, holds the source."""
        blob = blobs[0] if blobs else None
        return ArchiveEntry(
            archive_id=archive_id,
            converter_name=self.source.converter_name,
            converter_version=self.source.converter_version,
            source_original_path=os.fspath(self.source.arrived_at),
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


def archived_event(entry: ArchiveEntry, **more: object) -> Event:
    """Return the event that a source was archived."""
    details = {
        "converter_name": entry.converter_name,
        "original_path": entry.source_original_path,
        "blob": entry.source_archived_path,
        "checksum": entry.source_checksum,
        "size_bytes": entry.source_size_bytes,
        "companions": [companion.name for companion in entry.companions],
        **more,
    }
    return Event(kind="source.archived", at=entry.created_at, archive_id=entry.archive_id, details=details)


def imported_event(entry: ArchiveEntry, **more: object) -> Event:
    """Return the event that a source was imported."""
    return replace(archived_event(entry, **more), kind=SOURCE_IMPORTED)
