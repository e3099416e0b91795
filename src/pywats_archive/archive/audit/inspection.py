"""Compares one blob with its row: whether it exists, its header matches the row, and its bytes are unchanged."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from pywats_archive.archive.audit import inventory
from pywats_archive.archive.audit.inventory import Holding
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.role import is_shared_source, metadata_in_place
from pywats_archive.archive.sources.companions import listed
from pywats_archive.blobs.header import ALGORITHM
from pywats_archive.blobs.reading import BlobHeader
from pywats_archive.catalog.driver import storable
from pywats_archive.errors import ArchiveError, BlobDamaged, BlobLocked, BlobMissing, BlobOutside
from pywats_archive.models.entry import ArchiveEntry, Companion
from pywats_archive.models.operation.integrity import Problem, ProblemKind
from pywats_archive.models.report import Report
from pywats_archive.models.time import storable_ns

_NOT_IN_ROWS = {"converter_version", "archived_at", "number", "found_by", "origin", "own_time", "packed_in"}
"""Header fields that may have another value in the row, or be missing there."""
_BACKUP = "restore this file from a backup"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A blob as its row describes it."""

    path: str
    archive_id: str
    facts: Mapping[str, Any]
    """What its header must say."""
    checksum: str | None = None
    """None for companions, whose files have checksums of their own."""
    compressed_size_bytes: int | None = None
    companions: tuple[Companion, ...] = ()


class _Wrong(Exception):
    def __init__(self, kind: ProblemKind, message: str) -> None:
        self.kind = kind
        super().__init__(message)


def recorded(holding: Holding) -> Iterator[Recorded]:
    """Stream the blobs that should exist: source, companions, reports; none of a purged entry."""
    if holding.is_purged:
        return
    if entry := holding.entry:
        if entry.source_archived_path or entry.compressed_size_bytes:
            yield _source(entry)
        for path, group in groupby(sorted(entry.companions, key=_PATH), key=_PATH):
            facts = {"kind": "companions", "archive_id": entry.archive_id}
            yield Recorded(path=path, archive_id=entry.archive_id, facts=facts, companions=tuple(group))
    yield from map(_report, holding.reports)


_PATH = attrgetter("archived_path")


OnHeader = Callable[[Mapping[str, Any], str], None]
"""Called with the metadata in a blob's header, and the blob's path."""


def check_all(
    archive: Archive, holding: Holding, is_whole: Callable[[str], bool], on_header: OnHeader | None = None
) -> Iterator[tuple[Recorded, Problem | None]]:
    """Check each blob that should exist against its row and the history; those ``is_whole`` selects are read whole.

    ``on_header`` gets each header that is sound.
    """
    in_history = inventory.checksums_in_history(archive, holding.archive_id)
    for blob in recorded(holding):
        problem = problem_of(archive, blob, whole=is_whole(blob.path), on_header=on_header)
        yield blob, problem or _altered(archive, blob, in_history.get(blob.path))


def recheck(archive: Archive, archive_id: str, path: str, *, whole: bool) -> Problem | None:
    """Check a suspect blob against the catalog as it is now; None if it is sound, or was removed on record."""
    now = inventory.current(archive, archive_id)
    was_purged = now.entry is not None and now.entry.purged_at is not None
    if was_purged or path in inventory.removed_on_record(archive, archive_id):
        return None
    found = (
        problem for blob, problem in check_all(archive, now, lambda each: whole and each == path) if blob.path == path
    )
    return next(found, None)


def problem_of(archive: Archive, blob: Recorded, *, whole: bool, on_header: OnHeader | None = None) -> Problem | None:
    """Check one blob, reading it from end to end if ``whole``; returns its problem, if any."""
    try:
        header = _check(archive, blob, whole=whole)
        if on_header and header:
            on_header(header.label.metadata, blob.path)
    except _Wrong as wrong:
        return _problem(blob, wrong.kind, f"{archive.root / blob.path}: {wrong}")
    except BlobMissing as exc:
        return _problem(blob, ProblemKind.BLOB_MISSING, str(exc))
    except BlobOutside as exc:
        return _problem(blob, ProblemKind.RECORD_ALTERED, f"{exc}; compare the catalog with a backup")
    except BlobDamaged as exc:
        return _problem(blob, ProblemKind.BLOB_DAMAGED, str(exc))
    except OSError as exc:
        message = (
            f"{archive.root / blob.path}: cannot be read ({exc.strerror or exc}); check the disk and the file's rights"
        )
        return _problem(blob, ProblemKind.BLOB_UNREADABLE, message)
    except Exception as exc:
        if isinstance(exc, ArchiveError):
            raise
        message = f"cannot be checked ({type(exc).__name__}: {exc}): its own header is invalid; {_BACKUP}"
        return _problem(blob, ProblemKind.BLOB_DAMAGED, f"{archive.root / blob.path}: {message}")
    return None


def _altered(archive: Archive, blob: Recorded, checksum_in_history: str | None) -> Problem | None:
    if blob.checksum is None or checksum_in_history in (None, blob.checksum):
        return None
    message = f"was archived with {checksum_in_history}, its row says {blob.checksum}; compare with a backup"
    return _problem(blob, ProblemKind.RECORD_ALTERED, f"{archive.root / blob.path}: {message}")


def _source(entry: ArchiveEntry) -> Recorded:
    facts = {
        "kind": "source",
        "archive_id": entry.archive_id,
        "source_kind": entry.source_kind.value,
        "converter_name": entry.converter_name,
        "original_path": entry.source_original_path,
        "sha256": _hex(entry.source_checksum),
        "size_bytes": entry.source_size_bytes,
        "mtime_ns": entry.source_mtime_ns,
        "compression_level": entry.compression_level,
    }
    return Recorded(
        path=entry.source_archived_path,
        archive_id=entry.archive_id,
        facts=facts,
        checksum=entry.source_checksum,
        compressed_size_bytes=entry.compressed_size_bytes,
    )


def _report(report: Report) -> Recorded:
    facts = {
        "kind": "report",
        "archive_id": report.archive_id,
        "ordinal": report.ordinal,
        "report_id": report.report_id,
        "sha256": _hex(report.checksum),
        "size_bytes": report.size_bytes,
    }
    return Recorded(
        path=report.archived_path,
        archive_id=report.archive_id,
        facts=facts,
        checksum=report.checksum,
        compressed_size_bytes=report.compressed_size_bytes,
    )


def _check(archive: Archive, blob: Recorded, *, whole: bool) -> BlobHeader | None:
    """Check a blob; returns its header, or None if it is encrypted and the key is not here."""
    if not blob.path:
        raise BlobMissing(f"{archive.root}: the row of {blob.archive_id} names no blob, but should; {_BACKUP}")
    try:
        header = archive.blobs.read_header(blob.path)
    except BlobLocked:
        _check_encrypted(archive, blob, whole=whole)
        return None
    except BlobOutside:
        raise
    except BlobDamaged as exc:
        raise _Wrong(ProblemKind.HEADER_DAMAGED, _without_path(exc)) from exc
    if whole:
        _check_content(archive, blob, header)
    _check_sizes(blob, header)
    _check_facts(blob, header)
    return header


def _check_encrypted(archive: Archive, blob: Recorded, *, whole: bool) -> None:
    _check_length(blob, os.stat(archive.root / blob.path).st_size)  # noqa: PTH116 (as elsewhere)
    if whole:
        archive.blobs.check_encrypted(blob.path)


def _check_content(archive: Archive, blob: Recorded, header: BlobHeader) -> None:
    digest = hashlib.sha256()
    if blob.checksum is None:
        chunks = _hashed(archive.blobs.read(blob.path), digest)
        metadata = metadata_in_place(blob.path, header.label.metadata)
        found = tuple(listed(archive, blob.path, chunks, metadata))
        _check_companions(blob, found)
        expected = f"{ALGORITHM}:{header.label.metadata.get('sha256')}"
    else:
        for chunk in archive.blobs.read(blob.path):
            digest.update(chunk)
        expected = blob.checksum
    checksum = f"{ALGORITHM}:{digest.hexdigest()}"
    if checksum != expected:
        message = f"its content has {checksum}, recorded was {expected}; keep the file for inquiry and {_BACKUP}"
        raise _Wrong(ProblemKind.CHECKSUM_MISMATCH, message)
    if not archive.blobs.is_unchanged(blob.path, header.label):
        message = f"its bytes were changed, though they still give the recorded content; check the disk and {_BACKUP}"
        raise _Wrong(ProblemKind.BLOB_DAMAGED, message)


def _hashed(chunks: Iterator[bytes], digest: Any) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _check_companions(blob: Recorded, found: tuple[Companion, ...]) -> None:
    inside = {each.name: (each.size_bytes, each.checksum) for each in found}
    wrong = [each.name for each in blob.companions if inside.get(each.name) != (each.size_bytes, each.checksum)]
    if wrong:
        message = f"its file {wrong[0]!r} is not what was recorded; keep the blob for inquiry and {_BACKUP}"
        raise _Wrong(ProblemKind.CHECKSUM_MISMATCH, message)


def _check_sizes(blob: Recorded, header: BlobHeader) -> None:
    _check_length(blob, header.compressed_size_bytes)
    size = header.label.metadata.get("size_bytes")
    if not isinstance(size, int) or header.size_bytes_mod_4g != size % 2**32:
        raise _Wrong(ProblemKind.BLOB_DAMAGED, f"its end does not have the size of its content ({size}); {_BACKUP}")


def _check_length(blob: Recorded, length: int) -> None:
    expected = blob.compressed_size_bytes
    if expected is not None and length != expected:
        raise _Wrong(ProblemKind.BLOB_DAMAGED, f"it has {length} bytes of {expected} that were recorded; {_BACKUP}")


def _check_facts(blob: Recorded, header: BlobHeader) -> None:
    metadata = metadata_in_place(blob.path, header.label.metadata)
    if is_shared_source(blob.path, header.label.metadata):
        metadata = {**metadata, "compression_level": blob.facts.get("compression_level")}
    wrong = [key for key, value in blob.facts.items() if _as_stored(key, metadata.get(key)) != value]
    if not header.label.is_sealed and blob.checksum is not None:
        wrong += sorted(metadata.keys() - blob.facts.keys() - _NOT_IN_ROWS)
    if wrong:
        key = wrong[0]
        both = f"its header says {key} = {metadata.get(key)!r}, the catalog {blob.facts.get(key)!r}"
        raise _Wrong(ProblemKind.HEADER_DAMAGED, f"{both}; one of them was altered, compare with a backup")


def _as_stored(key: str, value: Any) -> Any:
    """Return a header's value as a row holds it: a header may have times and ids that no row can hold."""
    if key == "report_id" and isinstance(value, str):
        return storable(value)
    return storable_ns(value) if key == "mtime_ns" and isinstance(value, int) else value


def _problem(blob: Recorded, kind: ProblemKind, message: str) -> Problem:
    return Problem(kind=kind, path=blob.path, archive_id=blob.archive_id, message=message)


def _without_path(exc: BlobDamaged) -> str:
    return str(exc).partition(": ")[2]


def _hex(checksum: str) -> str:
    return checksum.partition(":")[2]
