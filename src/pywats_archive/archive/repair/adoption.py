"""Turns a blob into an entry, companions or a report, from its own header and content alone."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import role
from pywats_archive.archive.results.document import read
from pywats_archive.archive.sources.companions import listed
from pywats_archive.blobs.header import checksum_in
from pywats_archive.blobs.reading import Sizes
from pywats_archive.errors import BlobDamaged
from pywats_archive.models.entry import IMPORTED as IMPORTED_ENTRY
from pywats_archive.models.entry import ArchiveEntry, Companion, ConversionStatus, SourceKind
from pywats_archive.models.report import IMPORTED as IMPORTED_REPORT
from pywats_archive.models.report import Report, ReportSummary, SubmissionState
from pywats_archive.models.time import storable_ns

_NOTHING_KNOWN = ReportSummary(
    own_id=None, serial_number=None, part_number=None, process=None, result=None, start_time=None
)


def entry_of(archive: Archive, path: str, metadata: dict[str, Any], sizes: Sizes) -> ArchiveEntry:
    """Return the entry that a source's blob describes, without reading its content."""
    moment = datetime.fromisoformat(metadata["archived_at"])
    is_imported = role.is_imported(metadata)
    return ArchiveEntry(
        archive_id=metadata["archive_id"],
        converter_name=metadata["converter_name"],
        converter_version=metadata["converter_version"],
        source_original_path=metadata["original_path"],
        source_archived_path=path,
        source_checksum=checksum_in(metadata),
        source_size_bytes=metadata["size_bytes"],
        compressed_size_bytes=sizes.stored_bytes,
        disk_size_bytes=sizes.disk_bytes,
        source_kind=SourceKind(metadata["source_kind"]),
        source_mtime_ns=storable_ns(metadata["mtime_ns"]),
        compression_level=metadata["compression_level"],
        conversion_timestamp=datetime.fromisoformat(metadata[role.OWN_TIME]) if is_imported else moment,
        conversion_status=ConversionStatus.SKIPPED if is_imported else ConversionStatus.PENDING,
        conversion_error=IMPORTED_ENTRY if is_imported else None,
        retention_until=archive.policies.effective(metadata["converter_name"]).kept_until(moment.date(), failed=False),
        created_at=moment,
    )


def companions_of(archive: Archive, path: str, metadata: dict[str, Any]) -> tuple[Companion, ...]:
    """Return the files in a companions blob, read to its end; BlobDamaged if it does not match its header."""
    chunks = archive.blobs.read_checked(path, checksum_in(metadata))
    return tuple(listed(archive, path, chunks, metadata))


def further(entry: ArchiveEntry, found: Sequence[Companion]) -> tuple[Companion, ...]:
    """Return the companions of a blob that their entry does not have yet; BlobDamaged if it has others of their names only.

    If the blob repeats what the entry has, there are none: after a kill, an import or a conversion archives them again.
    """
    there = {each.name: each.checksum for each in entry.companions}
    new = tuple(each for each in found if each.name not in there)
    if not new and any(there[each.name] != each.checksum for each in found):
        raise BlobDamaged(f"{entry.archive_id} has other companions of these names; keep it for inquiry")
    return new


def report_of(archive: Archive, path: str, metadata: dict[str, Any], content: bytes | None, sizes: Sizes) -> Report:
    """Return the report in a blob: archived, not to be sent, under its fixed id.

    ``content`` is its document; None if that cannot be read, so that its search fields are unknown.
    """
    summary = _NOTHING_KNOWN if content is None else _summary(archive, path, metadata, content)
    return Report(
        archive_id=metadata["archive_id"],
        ordinal=metadata["ordinal"],
        report_id=metadata["report_id"],
        archived_path=path,
        checksum=checksum_in(metadata),
        size_bytes=metadata["size_bytes"],
        compressed_size_bytes=sizes.stored_bytes,
        disk_size_bytes=sizes.disk_bytes,
        serial_number=summary.serial_number,
        part_number=summary.part_number,
        process=summary.process,
        result=summary.result,
        start_time=summary.start_time,
        submission_state=SubmissionState.WITHHELD,
        last_error=IMPORTED_REPORT if role.is_imported(metadata) else None,
    )


def _summary(archive: Archive, path: str, metadata: dict[str, Any], content: bytes) -> ReportSummary:
    try:
        return read(content, fixed_id=metadata["report_id"], spare_id=uuid.UUID(int=0)).summary
    except ValueError as exc:
        raise BlobDamaged(f"{archive.root / path}: is not a JSON document ({exc})") from exc
