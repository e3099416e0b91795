"""The files of an entry for an export, each as a stream, and the record that they were exported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pywats_archive.archive.access import recording
from pywats_archive.archive.core import Archive, EntryDetails, document_chunks
from pywats_archive.archive.folder import layout
from pywats_archive.archive.restore import source, unpack
from pywats_archive.catalog import events
from pywats_archive.errors import ArchiveError
from pywats_archive.models.bag.outcome import Exported
from pywats_archive.models.entry import ArchiveEntry, Companion, SourceKind
from pywats_archive.models.event import Event
from pywats_archive.models.report import Report

SOURCE, COMPANION, REPORT = "source", "companion", "report"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """One file of an entry; ``chunks`` can be read until the next one is asked for."""

    kind: str
    name: str
    """Relative to the folder of the source; a folder source is the tar ``NAME.tar``."""
    original: str
    mtime_ns: int
    size_bytes: int
    sha256: str
    chunks: Callable[[], Iterator[bytes]]
    """Raises BlobMissing or BlobDamaged, the latter after the last chunk."""


def record_export(archive: Archive, archive_ids: Sequence[str], to: Mapping[str, str | bool], *, actor: str) -> None:
    """Record who exports entries, where ``to`` and why, in one commit."""
    if archive_ids:
        accesses = (
            Event(kind="entry.exported", at=archive.now(), archive_id=each, actor=actor, details=dict(to))
            for each in archive_ids
        )
        recording.record_all(archive, list(accesses))


def record_bag(archive: Archive, bag: Exported, to: Mapping[str, str | bool], *, actor: str) -> None:
    """Record a bag that is complete, with the checksum that proves it."""
    found = {
        "entries": bag.entries,
        "files": bag.files,
        "size_bytes": bag.size_bytes,
        "sha256": bag.sha256,
        "key": bag.key,
        "unsigned_because": bag.unsigned_because,
        "missing_files": len(bag.problems),
    }
    details = {**to, **{name: value for name, value in found.items() if value}}
    recording.record(archive, Event(kind="bag.exported", at=archive.now(), actor=actor, details=details))


def head_of(archive: Archive) -> Event | None:
    """Return the newest event of an archive's history."""
    with archive.read() as db:
        return events.last(db)


def files_of(archive: Archive, details: EntryDetails) -> Iterator[StoredFile]:
    """Stream the files of an entry that should be in the archive: the source, the companions, the reports."""
    entry = details.entry
    if entry.purged_at:
        return
    if entry.source_archived_path:
        yield _source(archive, entry)
    for path in source.companion_paths(entry):
        if layout.is_one_companion(path):
            yield _alone(archive, entry, path)
        else:
            yield from _packed(archive, entry, path)
    removed = {str(event.details.get("blob")) for event in details.events if event.kind == "report.removed"}
    for number, report in enumerate(details.reports, 1):
        if report.archived_path not in removed:
            yield _report(archive, entry, report, number)


def _source(archive: Archive, entry: ArchiveEntry) -> StoredFile:
    ending = ".tar" if entry.source_kind is SourceKind.FOLDER else ""
    return StoredFile(
        kind=SOURCE,
        name=source.original_name(entry) + ending,
        original=entry.source_original_path,
        mtime_ns=entry.source_mtime_ns,
        size_bytes=entry.source_size_bytes,
        sha256=_hex(entry.source_checksum),
        chunks=lambda: archive.blobs.read_checked(entry.source_archived_path, entry.source_checksum),
    )


def _alone(archive: Archive, entry: ArchiveEntry, path: str) -> StoredFile:
    (companion,) = (each for each in entry.companions if each.archived_path == path)
    try:
        mtime_ns = source.companion_mtime_ns(archive, path)
    except (ArchiveError, OSError, KeyError, ValueError):  # its chunks say what is wrong
        mtime_ns = entry.source_mtime_ns
    return _companion(companion, mtime_ns, lambda: archive.blobs.read_checked(path, companion.checksum))


def _packed(archive: Archive, entry: ArchiveEntry, path: str) -> Iterator[StoredFile]:
    """Stream the companions in one blob, which is checked before."""
    named = {each.name: each for each in entry.companions if each.archived_path == path}
    try:
        archive.blobs.check(path, archive.blobs.label(path).checksum)
    except (ArchiveError, OSError) as exc:
        for each in named.values():
            yield _companion(each, entry.source_mtime_ns, lambda exc=exc: _raising(exc))  # type: ignore[misc]
        return
    for member, content in unpack.members(archive.blobs.read(path), of=archive.root / path):
        if content is not None and member.name in named:
            yield _companion(named[member.name], unpack.mtime_ns_of(member), lambda content=content: content)  # type: ignore[misc]


def _raising(error: Exception) -> Iterator[bytes]:
    raise error


def _companion(companion: Companion, mtime_ns: int, chunks: Callable[[], Iterator[bytes]]) -> StoredFile:
    return StoredFile(
        kind=COMPANION,
        name=companion.name,
        original=companion.name,
        mtime_ns=mtime_ns,
        size_bytes=companion.size_bytes,
        sha256=_hex(companion.checksum),
        chunks=chunks,
    )


def _report(archive: Archive, entry: ArchiveEntry, report: Report, number: int) -> StoredFile:
    return StoredFile(
        kind=REPORT,
        name=f"{number}.json",
        original=report.report_id,
        mtime_ns=int(entry.conversion_timestamp.timestamp()) * 1_000_000_000,
        size_bytes=report.size_bytes,
        sha256=_hex(report.checksum),
        chunks=lambda: document_chunks(archive, report),
    )


def _hex(checksum: str) -> str:
    return checksum.partition(":")[2]
