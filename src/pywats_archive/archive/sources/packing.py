"""Companions into blobs: packed together the first time; a file that comes again is stored once more, alone, and then shared.

A shared blob is one file with a name for each entry that has it (a hard link), so each entry has its own names, and the bytes
go with the last of them. Where the file system has no hard links, each entry has its own copy.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.sharing import Mark, Stored
from pywats_archive.archive.sources import reading
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.store import ALGORITHM, UNKNOWN, Blob, Content, measure
from pywats_archive.models.entry import Companion
from pywats_archive.models.ids import ARCHIVE_ID_LENGTH

SHAREABLE = "shareable"
"""The key of the header of a blob whose names may be several entries'; ``archive_id`` is that of the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Packing:
    """Whose companions are packed, and how they were found."""

    archive_id: str
    base: Path
    """The source's folder."""
    found_by: str
    level: int


def pack(archive: Archive, packing: Packing, paths: Sequence[Path], written: list[Blob]) -> tuple[Companion, ...]:
    """Archive files beside a source; each blob is added to ``written`` as it is made. OSError, StorageError.

    Their names are durable once each was settled.
    """
    day = packing.archive_id[:8]
    numbers = itertools.count(1)
    new: list[Path] = []
    kept: list[Companion] = []
    for path in paths:
        mark = _mark(path, packing.base)
        known = archive.shared_companions.look(day, mark)
        if known is None or measure(reading.read_file(path)).checksum != known.checksum:
            new.append(path)
            continue
        blob = archive.blobs.share(known.path, _names(packing, numbers)) if known.path else None
        if blob:
            written.append(blob)
            kept.append(_companion(packing, blob, mark.name, mark.size_bytes, known.checksum))
        else:
            kept += _packed(archive, packing, [path], numbers, written, is_shareable=True)
    if new:
        kept += _packed(archive, packing, new, numbers, written, is_shareable=False)
    return tuple(kept)


def _packed(
    archive: Archive,
    packing: Packing,
    paths: Sequence[Path],
    numbers: Iterator[int],
    written: list[Blob],
    *,
    is_shareable: bool,
) -> Iterator[Companion]:
    """Write a blob of these files, and remember what it holds."""
    blob, files = _written(archive, packing, paths, numbers, is_shareable=is_shareable)
    written.append(blob)
    for file in files:
        checksum = f"{ALGORITHM}:{file.sha256}"
        stored = Stored(checksum=checksum, path=blob.path if is_shareable else None)
        mark = Mark(name=file.name, size_bytes=file.size_bytes, mtime_ns=file.mtime_ns)
        archive.shared_companions.note(packing.archive_id[:8], mark, stored)
        yield _companion(packing, blob, file.name, file.size_bytes, checksum)


def owner_of(path: str, metadata: dict[str, Any]) -> str:
    """Return whose entry's companions a blob holds: the one that its header names, or of a shareable one that of its name.

    Such a name may be another entry's of the same day.
    """
    named, first = PurePosixPath(path).name[:ARCHIVE_ID_LENGTH], str(metadata["archive_id"])
    is_shared = metadata.get(SHAREABLE) is True and metadata["kind"] == "companions" and named[:8] == first[:8]
    return named if is_shared else first


def _mark(path: Path, base: Path) -> Mark:
    seen = reading.signature(path)
    own_ns = seen.mtime_ns if seen.own_mtime_ns is None else seen.own_mtime_ns
    return Mark(name=path.relative_to(base).as_posix(), size_bytes=seen.size_bytes, mtime_ns=own_ns)


def _names(packing: Packing, numbers: Iterator[int]) -> Iterator[str]:
    return (layout.companions_path(packing.archive_id, number) for number in numbers)


def _companion(packing: Packing, blob: Blob, name: str, size_bytes: int, checksum: str) -> Companion:
    return Companion(
        name=name, archived_path=blob.path, size_bytes=size_bytes, checksum=checksum, found_by=packing.found_by
    )


def _written(
    archive: Archive, packing: Packing, paths: Sequence[Path], numbers: Iterator[int], *, is_shareable: bool
) -> tuple[Blob, tuple[reading.TarredFile, ...]]:
    files: list[reading.TarredFile] = []

    def label(content: Content, number: int) -> Label:
        metadata: dict[str, Any] = {
            "kind": "companions",
            "archive_id": packing.archive_id,
            "number": number,
            "found_by": packing.found_by,
            "sha256": content.sha256,
            "size_bytes": content.size_bytes,
            **({SHAREABLE: True} if is_shareable else {}),
        }
        return Label(original_name=f"{packing.archive_id}.companions.tar", mtime_s=0, metadata=metadata)

    def naming(content: Content) -> tuple[str, Label]:
        number = next(numbers)
        return layout.companions_path(packing.archive_id, number), label(content, number)

    blob = archive.blobs.write(
        reading.read_tar(packing.base, paths, on_file=files.append),
        folder=layout.day_folder(layout.SOURCES, packing.archive_id),
        draft=lambda: label(UNKNOWN, 999_999),
        naming=naming,
        level=packing.level,
    )
    return blob, tuple(files)
