"""A blob as what it says it is: an entry, companions or a report, from its own header and content alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pywats_archive.archive import layout
from pywats_archive.archive.core import Archive
from pywats_archive.archive.document import read
from pywats_archive.archive.restoring import members
from pywats_archive.blobs.store import measure
from pywats_archive.errors import BlobDamaged
from pywats_archive.models.entry import ArchiveEntry, Companion, SourceKind
from pywats_archive.models.report import Report, ReportSummary, SubmissionState
from pywats_archive.models.time import storable_ns

_NOTHING_KNOWN = ReportSummary(
    own_id=None, serial_number=None, part_number=None, process=None, result=None, start_time=None
)


def entry_of(archive: Archive, path: str, metadata: dict[str, Any]) -> ArchiveEntry:
    """Give the entry that a source's blob speaks of; its content is not read."""
    moment = datetime.fromisoformat(metadata["archived_at"])
    return ArchiveEntry(
        archive_id=metadata["archive_id"],
        converter_name=metadata["converter_name"],
        converter_version=metadata["converter_version"],
        source_original_path=metadata["original_path"],
        source_archived_path=path,
        source_checksum=f"sha256:{metadata['sha256']}",
        source_size_bytes=metadata["size_bytes"],
        compressed_size_bytes=(archive.root / path).stat().st_size,
        disk_size_bytes=archive.blobs.disk_size(path),
        source_kind=SourceKind(metadata["source_kind"]),
        source_mtime_ns=storable_ns(metadata["mtime_ns"]),
        compression_level=metadata["compression_level"],
        conversion_timestamp=moment,
        retention_until=archive.policies.effective(metadata["converter_name"]).kept_until(moment.date(), failed=False),
        created_at=moment,
    )


def companions_of(archive: Archive, path: str, metadata: dict[str, Any]) -> tuple[Companion, ...]:
    """Give the files in a companions blob, read to its end; BlobDamaged when it is not what its header says."""
    chunks = archive.blobs.read_checked(path, f"sha256:{metadata['sha256']}")
    return tuple(listed(archive, path, chunks, metadata))


def listed(archive: Archive, path: str, chunks: Iterator[bytes], metadata: Mapping[str, Any]) -> Iterator[Companion]:
    """Stream the files of a companions blob, whose content is ``chunks``, with size and checksum of each."""
    for name, content in _files(archive, path, chunks, metadata):
        found = measure(content)
        yield Companion(
            name=name,
            archived_path=path,
            size_bytes=found.size_bytes,
            checksum=found.checksum,
            found_by=str(metadata["found_by"]),
        )


def _files(
    archive: Archive, path: str, chunks: Iterator[bytes], metadata: Mapping[str, Any]
) -> Iterator[tuple[str, Iterator[bytes]]]:
    if layout.is_one_companion(path):
        yield str(metadata["name"]), chunks
        return
    for member, content in members(chunks, of=archive.root / path):
        if content is not None:
            yield member.name, content


def report_of(archive: Archive, path: str, metadata: dict[str, Any], *, is_readable: bool = True) -> Report:
    """Give the report that a blob holds: kept, not sent, under the id it was given once.

    Without ``is_readable`` its document is left alone, and nothing is known that it would be searched by.
    """
    summary = _summary(archive, path, metadata) if is_readable else _NOTHING_KNOWN
    return Report(
        archive_id=metadata["archive_id"],
        ordinal=metadata["ordinal"],
        report_id=metadata["report_id"],
        archived_path=path,
        checksum=f"sha256:{metadata['sha256']}",
        size_bytes=metadata["size_bytes"],
        compressed_size_bytes=(archive.root / path).stat().st_size,
        disk_size_bytes=archive.blobs.disk_size(path),
        serial_number=summary.serial_number,
        part_number=summary.part_number,
        process=summary.process,
        result=summary.result,
        start_time=summary.start_time,
        submission_state=SubmissionState.WITHHELD,
    )


def _summary(archive: Archive, path: str, metadata: dict[str, Any]) -> ReportSummary:
    body = b"".join(archive.blobs.read_checked(path, f"sha256:{metadata['sha256']}"))
    try:
        return read(body, fixed_id=metadata["report_id"], spare_id=uuid.UUID(int=0)).summary
    except ValueError as exc:
        raise BlobDamaged(f"{archive.root / path}: is no JSON document ({exc})") from exc
