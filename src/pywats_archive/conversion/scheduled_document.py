"""The document in which a scheduled converter's result is archived: its source, since it has no other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import orjson

from pywats_archive.archive.core import Archive
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledDocument:
    """A result as it is archived; ``path`` is a name that no other result has."""

    lane_name: str
    result: ConversionResult
    obtained_at: datetime
    path: str
    body: bytes

    @property
    def mtime_ns(self) -> int:
        return int(self.obtained_at.timestamp() * 1e9)


def encode_result(result: ConversionResult, lane_name: str, *, number: int, obtained_at: datetime) -> ScheduledDocument:
    """Return the document of a result, under a name that no other result has."""
    name = f"{lane_name}-{obtained_at:%Y%m%dT%H%M%S.%f}-{number}.json".replace("/", "_")
    fields = {"metadata": result.metadata, "status": result.status.value, "error": result.error}
    body = orjson.dumps({**fields, "reports": [orjson.Fragment(document) for document in result.documents]})
    return ScheduledDocument(
        lane_name=lane_name, result=result, obtained_at=obtained_at, path=f"scheduled/{name}", body=body
    )


def decode_result(archive: Archive, entry: ArchiveEntry) -> ConversionResult:
    """Return a scheduled converter's result from the document of its entry."""
    fields = json.loads(b"".join(archive.blobs.read_checked(entry.source_archived_path, entry.source_checksum)))
    bodies = (json.dumps(report, ensure_ascii=False, separators=(",", ":")) for report in fields["reports"])
    return ConversionResult(
        status=ConversionStatus(fields["status"]),
        documents=tuple(body.encode() for body in bodies),
        error=fields["error"],
        metadata=fields["metadata"],
        started_at=entry.created_at,
    )
