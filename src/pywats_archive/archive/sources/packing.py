"""Companions into blobs: those named after the source are packed together, each other companion is stored alone.

A file stored alone has a name (a hard link) for each entry of the day that has the same file, as a companion or as its
source. So each entry has names of its own, and the bytes are freed with the last name. Where the file system has no hard
links, each entry has its companions packed together.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.folder.role import SHAREABLE
from pywats_archive.archive.sources import reading
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.reading import Content, measure
from pywats_archive.blobs.store import UNKNOWN, Blob
from pywats_archive.catalog import stored
from pywats_archive.catalog.stored import FileKey, Stored
from pywats_archive.models import file_stamp
from pywats_archive.models.entry import Companion
from pywats_archive.models.time import storable_ns


@dataclass(frozen=True, kw_only=True, slots=True)
class Packing:
    """Whose companions are packed, and how they were found."""

    archive_id: str
    source: Path
    found_by: str
    level: int
    converter_name: str
    converter_version: str | None

    @property
    def base(self) -> Path:
        """The source's folder."""
        return self.source.parent

    @property
    def day(self) -> str:
        """The day of the entry, ``YYYYMMDD``."""
        return self.archive_id[:8]


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """Companions that were archived; ``stored`` are those stored alone, for the catalog."""

    companions: tuple[Companion, ...] = ()
    stored: tuple[tuple[FileKey, Stored], ...] = ()


def pack(archive: Archive, packing: Packing, paths: Sequence[Path], written: list[Blob]) -> Packed:
    """Archive files beside a source; each blob is added to ``written`` when it is written. OSError, StorageError.

    The names become durable with ``BlobStore.sync_name``.
    """
    return _Pack(archive, packing, written).pack(paths)


def file_key(name: str, seen: file_stamp.FileStamp) -> FileKey | None:
    """Return the key by which a file is recognized again; None if the catalog cannot hold its time."""
    if seen.own_mtime_ns is not None:
        return None
    return FileKey(name=name, size_bytes=seen.size_bytes, mtime_ns=seen.mtime_ns)


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """A file beside a source, as it was when it was examined."""

    path: Path
    seen: file_stamp.FileStamp
    key: FileKey

    def read(self) -> Iterator[bytes]:
        return reading.read_file(self.path, expected=self.seen)


class _Pack:
    """The companions of one entry on their way into blobs."""

    def __init__(self, archive: Archive, packing: Packing, written: list[Blob]) -> None:
        self._archive = archive
        self._packing = packing
        self._written = written
        self._numbers = itertools.count(1)
        self._stored: list[tuple[FileKey, Stored]] = []

    def pack(self, paths: Sequence[Path]) -> Packed:
        together: list[Path] = []
        kept: list[Companion] = []
        for path in paths:
            seen = replace(reading.stamp_of(path), inode=None)  # not every file system reports the same each time
            key = file_key(path.relative_to(self._packing.base).as_posix(), seen)
            companion = self._alone(_File(path=path, seen=seen, key=key)) if key else None
            if companion:
                kept.append(companion)
            else:
                together.append(path)
        if together:
            kept += self._together(together)
        return Packed(companions=tuple(kept), stored=tuple(self._stored))

    def _alone(self, file: _File) -> Companion | None:
        """Add a name to the blob that holds the file alone, or store it alone; None if it is to be packed with others."""
        recent, day = self._archive.recent_files, self._packing.day
        with recent.lock(file.key):
            is_known, blob = self._linked(file)
            may_come_again = is_known or not _is_own(file.key.name, self._packing.source.stem)
            is_linked = blob is not None
            if blob is None and may_come_again and self._archive.blobs.has_links:
                blob = self._write_alone(file)
            if blob is None:
                return None
            self._written.append(blob)
            stored_now = Stored(checksum=blob.content.checksum, path=blob.path)
            if recent.remember(day, file.key, stored_now) or not is_linked:
                self._stored.append((file.key, stored_now))
                recent.note_shared(day)
        return self._companion(blob, file.key.name, blob.content)

    def _linked(self, file: _File) -> tuple[bool, Blob | None]:
        """Whether a file was archived that day, and one more name of the blob that holds it alone."""
        checksum, is_known, names = "", False, map(self._path, self._numbers)
        for each in self._known(file):
            checksum = checksum or measure(file.read()).checksum
            if each.checksum == checksum:
                is_known = True
                if each.path and (blob := self._archive.blobs.share(each.path, names, checksum=checksum)):
                    return True, blob
        return is_known, None

    def _known(self, file: _File) -> Iterator[Stored]:
        """Stream where a file may be stored: in this process's memory, as a companion, as a source."""
        key, day = file.key, self._packing.day
        if found := self._archive.recent_files.find(day, key):
            yield found
        with self._archive.read() as db:
            among_companions, among_sources = stored.find(db, day, key), None
            if file.path.parent == self._packing.base:
                path = str(file.path)
                among_sources = stored.find_source(db, day, path, key=key)
        yield from filter(None, (among_companions, among_sources))

    def _write_alone(self, file: _File) -> Blob:
        """Store a file alone, with a header that can also be the header of a source."""
        key, mine = file.key, self._packing
        more = {
            SHAREABLE: True,
            "name": key.name,
            "original_path": str(file.path),
            "converter_name": mine.converter_name,
            "converter_version": mine.converter_version,
            "mtime_ns": key.mtime_ns,
            "compression_level": mine.level,
        }

        def label(content: Content, number: int) -> Label:
            metadata = {**self._metadata(content, number), **more}
            return Label(original_name=file.path.name, mtime_s=key.mtime_ns // 1_000_000_000, metadata=metadata)

        return self._write(file.read(), self._path, label)

    def _together(self, paths: Sequence[Path]) -> Iterator[Companion]:
        """Write these files into one blob, and remember its content."""
        files: list[reading.TarredFile] = []

        def label(content: Content, number: int) -> Label:
            name = f"{self._packing.archive_id}.companions.tar"
            return Label(original_name=name, mtime_s=0, metadata=self._metadata(content, number))

        chunks = reading.read_tar(self._packing.base, paths, on_file=files.append)
        blob = self._write(chunks, lambda number: layout.companions_path(self._packing.archive_id, number), label)
        self._written.append(blob)
        for file in files:
            content = Content(sha256=file.sha256, size_bytes=file.size_bytes)
            key = FileKey(name=file.name, size_bytes=file.size_bytes, mtime_ns=storable_ns(file.mtime_ns))
            self._archive.recent_files.remember(self._packing.day, key, Stored(checksum=content.checksum))
            yield self._companion(blob, file.name, content)

    def _write(
        self, chunks: Iterator[bytes], path: Callable[[int], str], label: Callable[[Content, int], Label]
    ) -> Blob:
        def naming(content: Content) -> tuple[str, Label]:
            number = next(self._numbers)
            return path(number), label(content, number)

        return self._archive.blobs.write(
            chunks,
            folder=layout.day_folder(layout.SOURCES, self._packing.archive_id),
            draft=lambda: label(UNKNOWN, 999_999),
            naming=naming,
            level=self._packing.level,
        )

    def _path(self, number: int) -> str:
        return layout.companion_path(self._packing.archive_id, number)

    def _metadata(self, content: Content, number: int) -> dict[str, Any]:
        return {
            "kind": "companions",
            "archive_id": self._packing.archive_id,
            "number": number,
            "found_by": self._packing.found_by,
            "sha256": content.sha256,
            "size_bytes": content.size_bytes,
        }

    def _companion(self, blob: Blob, name: str, content: Content) -> Companion:
        return Companion(
            name=name,
            archived_path=blob.path,
            size_bytes=content.size_bytes,
            checksum=content.checksum,
            found_by=self._packing.found_by,
        )


def _is_own(name: str, stem: str) -> bool:
    """Whether a companion is named after its source, so that no other source has it."""
    parts = (part for part in PurePosixPath(name).parts if part.startswith(stem))
    return any(not part[len(stem) : len(stem) + 1].isalnum() for part in parts)
