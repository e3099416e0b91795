"""A report: one output document of a conversion, and how far it is on its way to the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any


class SubmissionState(str, Enum):
    """Where a report stands with the server."""

    WAITING = "WAITING"
    """In the outbox: durable here, not yet accepted."""
    ACCEPTED = "ACCEPTED"
    """The server returned its id."""
    REFUSED = "REFUSED"
    """The server will not take it as it is; kept for a person."""
    WITHHELD = "WITHHELD"
    """Not to be sent: a replay that was not asked to."""


LONGEST_ID = 1000
"""Of a report's id and of a converter's version, in characters: both stand in the headers of blobs, which hold 65,531 bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportSummary:
    """What people search a report by, from within the document; what it lacks is None."""

    own_id: str | None
    serial_number: str | None
    part_number: str | None
    process: str | None
    result: str | None
    start_time: str | None

    @property
    def fault(self) -> str | None:
        """Why no report of this kind can be archived; None when nothing is in the way."""
        if self.own_id is None or len(self.own_id) <= LONGEST_ID:
            return None
        return f"its id has {len(self.own_id):,} characters, and may have {LONGEST_ID:,}: {self.own_id[:40]!a}…"


def summarize(fields: Mapping[str, Any]) -> ReportSummary:
    """Give the summary of a report's JSON object, under WATS' own names or pyWATS' older ones."""
    return ReportSummary(
        own_id=_text(fields, "id"),
        serial_number=_text(fields, "sn", "serialNumber"),
        part_number=_text(fields, "pn", "partNumber"),
        process=_text(fields, "processCode", "processName"),
        result=_text(fields, "result"),
        start_time=_text(fields, "start", "startUTC"),
    )


def _text(fields: Mapping[str, Any], *names: str) -> str | None:
    return next((str(fields[name]) for name in names if fields.get(name) not in (None, "")), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One archived report of an entry."""

    archive_id: str
    ordinal: int
    """1 for the first report of a conversion."""
    conversion_id: int | None = None
    report_id: str
    archived_path: str
    checksum: str
    """``sha256:<hex>`` of the exact JSON."""
    size_bytes: int
    compressed_size_bytes: int
    serial_number: str | None = None
    part_number: str | None = None
    process: str | None = None
    result: str | None = None
    start_time: str | None = None
    """As the document has it."""
    submission_state: SubmissionState = SubmissionState.WAITING
    tries: int = 0
    last_error: str | None = None
    next_try_at: datetime | None = None
    accepted_at: datetime | None = None
    verified_at: datetime | None = None
    """When its blob was last read back."""
    disk_size_bytes: int = 0
    """What the file system allots for its blob."""
