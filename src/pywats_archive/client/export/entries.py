"""The sources, companions and reports of entries as one zip."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import chain

from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore import content
from pywats_archive.archive.restore.source import original_name
from pywats_archive.client.export.manifest import Manifest
from pywats_archive.client.export.names import Names, safe
from pywats_archive.client.export.stream import ZipStream
from pywats_archive.errors import ArchiveError, UnknownEntry
from pywats_archive.models.entry import ArchiveEntry, SourceKind

Holder = Callable[[str], Archive]
Open = Callable[[], Iterable[bytes]]


def export(holder: Holder, archive_ids: Sequence[str], *, actor: str, now: datetime) -> Iterator[bytes]:
    """Stream a zip of these entries, a folder each, and record each access.

    What cannot be read is left out, or ends where it is damaged; the manifest at the end names it.
    """
    zipped = ZipStream()
    with Manifest(made_at=now, made_by=actor, entries=len(archive_ids)) as manifest:
        writer = _Writer(zipped=zipped, manifest=manifest, actor=actor)
        for archive_id in archive_ids:
            try:
                archive = holder(archive_id)
            except UnknownEntry as exc:  # removed by a rebuild since it was chosen
                manifest.add(archive_id, "source", name=None, original="", error=str(exc))
                continue
            yield from writer.entry(archive, archive.entry(archive_id))
        for name, pieces in manifest.files():
            yield from zipped.add(name, pieces, size_bytes=0, modified=now)
        yield zipped.end()


@dataclass(frozen=True, kw_only=True)
class _Writer:
    """Writes entries into a zip."""

    zipped: ZipStream
    manifest: Manifest
    actor: str

    def entry(self, archive: Archive, entry: ArchiveEntry) -> Iterator[bytes]:
        """Write all files of an entry."""
        archive_id, names = entry.archive_id, Names()
        ending = ".tar" if entry.source_kind is SourceKind.FOLDER else ""
        source = _File(
            archive_id=archive_id,
            kind="source",
            name=f"{safe(archive_id)}/{names.free(original_name(entry) + ending)}",
            original=entry.source_original_path,
            size_bytes=entry.source_size_bytes,
            modified=_moment(entry.source_mtime_ns),
        )
        yield from self._file(source, lambda: content.source_chunks(archive, archive_id, actor=self.actor))
        for companion in entry.companions if not entry.purged_at else ():
            file = _File(
                archive_id=archive_id,
                kind="companion",
                name=f"{safe(archive_id)}/{names.free(companion.name)}",
                original=companion.name,
                size_bytes=companion.size_bytes,
                modified=entry.created_at,
            )
            of = companion.name
            yield from self._file(
                file,
                lambda of=of: content.companion_chunks(archive, archive_id, of, actor=self.actor),  # type: ignore[misc]
            )
        for number, report in enumerate(archive.reports_of(archive_id) if not entry.purged_at else (), 1):
            file = _File(
                archive_id=archive_id,
                kind="report",
                name=f"{safe(archive_id)}/{names.free(f'reports/{number}.json')}",
                original=report.report_id,
                size_bytes=report.size_bytes,
                modified=entry.conversion_timestamp,
            )
            yield from self._file(
                file,
                lambda number=number: [b"".join(content.read_report(archive, archive_id, number, actor=self.actor))],  # type: ignore[misc]
            )

    def _file(self, file: _File, open_: Open) -> Iterator[bytes]:
        digest = _Digest()
        try:
            chunks = iter(open_())
            first = next(chunks, b"")  # before there is a file of this name
        except ArchiveError as exc:
            self._note(file, name=None, error=str(exc))
            return
        try:
            pieces = digest.counted(chain([first], chunks))
            yield from self.zipped.add(file.name, pieces, size_bytes=file.size_bytes, modified=file.modified)
        except ArchiveError as exc:
            self._note(file, name=file.name, digest=digest, error=str(exc))
        else:
            self._note(file, name=file.name, digest=digest)

    def _note(self, file: _File, *, name: str | None, digest: _Digest | None = None, error: str | None = None) -> None:
        self.manifest.add(
            file.archive_id,
            file.kind,
            name=name,
            original=file.original,
            size_bytes=digest.size_bytes if digest else 0,
            sha256=digest.hexdigest() if digest else None,
            error=error,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    archive_id: str
    kind: str
    name: str
    original: str
    size_bytes: int
    modified: datetime


class _Digest:
    """The checksum and size of what passes."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks as they are."""
        for chunk in chunks:
            self._sha256.update(chunk)
            self.size_bytes += len(chunk)
            yield chunk

    def hexdigest(self) -> str:
        """Return the checksum of what has passed."""
        return self._sha256.hexdigest()


def _moment(ns: int) -> datetime:
    try:
        return datetime.fromtimestamp(ns // 10**9, timezone.utc)
    except (OverflowError, OSError, ValueError):
        return datetime(1980, 1, 1, tzinfo=timezone.utc)
