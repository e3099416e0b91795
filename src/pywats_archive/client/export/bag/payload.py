"""One entry in a bag: a folder with its source, companions, reports, and ``entry.json``, which has all that is known of it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from pywats_archive.archive.core import Archive, EntryDetails
from pywats_archive.archive.restore import exporting
from pywats_archive.archive.restore.exporting import StoredFile
from pywats_archive.client.export.bag.container import Container
from pywats_archive.client.export.bag.order import Order
from pywats_archive.client.export.bag.work import Line
from pywats_archive.client.export.names import Names
from pywats_archive.errors import ArchiveError, BlobDamaged, BlobLocked
from pywats_archive.models.bag.record import BaggedEntry, BaggedFile
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.ids import day_of
from pywats_archive.models.report import Report
from pywats_archive.redaction import redacted_json

PAYLOAD, RECORD = "data", "entry.json"
_FOLDERS = {exporting.SOURCE: "source", exporting.COMPANION: "companions", exporting.REPORT: "reports"}
_ROW = (
    "archive_id",
    "converter_name",
    "converter_version",
    "conversion_parameters",
    "conversion_status",
    "conversion_error",
    "conversion_timestamp",
    "conversion_duration_ms",
    "result",
    "serial_number",
    "part_number",
    "source_original_path",
    "source_checksum",
    "source_size_bytes",
    "source_mtime_ns",
    "source_kind",
    "created_at",
    "purged_at",
    "hold_reason",
)
_REPORT = (
    "ordinal",
    "report_id",
    "serial_number",
    "part_number",
    "process",
    "result",
    "start_time",
    "submission_state",
    "accepted_at",
    "checksum",
    "size_bytes",
)
Dump = Callable[[Any], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload:
    """Writes entries into a bag."""

    container: Container
    order: Order

    def write(self, archive: Archive, archive_id: str) -> Line:
        """Write all files of an entry; returns its line for the journal, without the container's state."""
        details = archive.details(archive_id)
        folder = f"{PAYLOAD}/{day_of(archive_id)}/{archive_id}"
        self.container.begin(folder)
        taken: dict[str, Names] = {}
        written = [self._file(each, folder, taken) for each in exporting.files_of(archive, details)]
        record = _record(archive, details, tuple(written))
        path, mtime_ns = f"{folder}/{RECORD}", int(archive.now().timestamp()) * 10**9
        entry = self.container.put(path, [record], size_bytes=len(record), mtime_ns=mtime_ns)
        own = {"kind": "record", "path": path, "size_bytes": entry.size_bytes, "sha256": entry.sha256}
        return {
            "archive_uuid": archive.description.archive_uuid,
            "row": _fields(details.entry, _ROW),
            "reports": [_fields(each, _REPORT) for each in details.reports],
            "files": [*(asdict(each) for each in written), own],
        }

    def _file(self, file: StoredFile, folder: str, taken: dict[str, Names]) -> BaggedFile:
        below = _FOLDERS[file.kind]
        is_wanted = self.order.reports if file.kind == exporting.REPORT else self.order.sources
        if not is_wanted:
            return _bagged(file, None)
        name = f"{folder}/{below}/{taken.setdefault(below, Names()).free(_plain(file.name))}"
        try:
            done = self.container.put(name, file.chunks(), size_bytes=file.size_bytes, mtime_ns=file.mtime_ns)
            if done.sha256 != file.sha256:
                raise BlobDamaged(f"{name}: has another checksum than was recorded")
        except BlobLocked:  # so are all others
            raise
        except ArchiveError as exc:
            return _bagged(file, None, error=str(exc))
        return _bagged(file, name)


def _plain(name: str) -> str:
    """Return a name that needs no escapes in a manifest: BagIt escapes ``%``, and ``sha256sum`` a backslash."""
    return unicodedata.normalize("NFC", name).replace("%", "_")


def _bagged(file: StoredFile, path: str | None, *, error: str | None = None) -> BaggedFile:
    return BaggedFile(
        kind=file.kind,
        path=path,
        original=file.original,
        mtime_ns=file.mtime_ns,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        error=error,
    )


def _record(archive: Archive, details: EntryDetails, files: tuple[BaggedFile, ...]) -> bytes:
    whole = BaggedEntry(
        archive_uuid=archive.description.archive_uuid,
        entry=details.entry,
        conversions=details.conversions,
        reports=details.reports,
        events=details.events,
        files=files,
    )
    return redacted_json(json_value(asdict(whole)), _dumped).encode("ascii")


def _dumped(value: Any) -> str:
    return json.dumps(value, indent=1)


def _fields(value: ArchiveEntry | Report, fields: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = json_value({name: getattr(value, name) for name in fields})
    return found


def json_value(value: Any) -> Any:
    """Return a value of the models as JSON has it: times in ISO form, choices as their words."""
    if isinstance(value, dict):
        return {str(key): json_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date | datetime) else value
