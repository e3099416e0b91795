"""The headers of blobs that come from another archive; they say so, and from which one."""

from __future__ import annotations

from typing import Any

from pywats_archive.archive.folder import role
from pywats_archive.archive.imported.bagged import Present
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.reading import Content
from pywats_archive.models.bag.record import BaggedEntry
from pywats_archive.models.entry import Companion, SourceKind
from pywats_archive.models.event import IMPORTED_FROM
from pywats_archive.portable.placing import last_part

_NS = 1_000_000_000


class Labels:
    """Makes the headers of one entry's blobs."""

    def __init__(self, record: BaggedEntry) -> None:
        self._record = record
        self._entry = record.entry

    def source(self, content: Content) -> Label:
        """Return the header of the source, with what a rebuild makes its row from."""
        entry, name = self._entry, last_part(self._entry.source_original_path)
        more = {
            "source_kind": entry.source_kind.value,
            "converter_name": entry.converter_name,
            "converter_version": entry.converter_version,
            "original_path": entry.source_original_path,
            "mtime_ns": entry.source_mtime_ns,
            "archived_at": entry.created_at.isoformat(),
            "compression_level": entry.compression_level,
            role.OWN_TIME: entry.conversion_timestamp.isoformat(),
        }
        is_folder = entry.source_kind is SourceKind.FOLDER
        return self._label(f"{name}.tar" if is_folder else name, entry.source_mtime_ns, "source", content, more)

    def companion(self, content: Content, companion: Companion, present: Present, number: int) -> Label:
        """Return the header of a companion."""
        mtime_ns = present.file.mtime_ns
        more = {"number": number, "found_by": companion.found_by, "name": companion.name, "mtime_ns": mtime_ns}
        return self._label(last_part(companion.name), mtime_ns, "companions", content, more)

    def report(self, content: Content, number: int) -> Label:
        """Return the header of a report's document."""
        report = self._record.reports[number - 1]
        more = {
            "ordinal": report.ordinal,
            "report_id": report.report_id,
            "archived_at": self._entry.created_at.isoformat(),
        }
        mtime_ns = int(self._entry.created_at.timestamp()) * _NS
        return self._label(f"{self._entry.archive_id}.{number}.json", mtime_ns, "report", content, more)

    def record(self, content: Content) -> Label:
        """Return the header of the record that the entry had in its own archive."""
        mtime_ns = int(self._entry.created_at.timestamp()) * _NS
        return self._label(f"{self._entry.archive_id}.json", mtime_ns, "origin", content, {})

    def _label(self, name: str, mtime_ns: int, kind: str, content: Content, more: dict[str, Any]) -> Label:
        metadata = {
            "kind": kind,
            "archive_id": self._entry.archive_id,
            "sha256": content.sha256,
            "size_bytes": content.size_bytes,
            **more,
            role.ORIGIN: role.IMPORTED,
            IMPORTED_FROM: self._record.archive_uuid,
        }
        return Label(original_name=name, mtime_s=mtime_ns // _NS, metadata=metadata)
