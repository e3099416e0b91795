"""Entries, conversions, reports and arrivals to put in."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from typing import Any

from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.ids import archive_id
from pywats_archive.models.report import Report
from pywats_archive.models.time import UTC

MORNING = datetime(2026, 2, 13, 8, 30, 22, 123456, tzinfo=UTC)


def entry(number: int, **changes: Any) -> ArchiveEntry:
    """The ``number``-th entry: one a minute, from MORNING on."""
    moment = MORNING + timedelta(minutes=number)
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    name = archive_id(moment, sha256)
    values: dict[str, Any] = {
        "archive_id": name,
        "converter_name": "CSV",
        "source_original_path": f"/watch/board{number}.csv",
        "source_archived_path": f"sources/2026/02/13/{name}.csv.gz",
        "source_checksum": f"sha256:{sha256}",
        "source_size_bytes": 10_240,
        "compressed_size_bytes": 2_048,
        "source_mtime_ns": 1_770_970_000_000_000_001 + number,
        "conversion_timestamp": moment,
        "conversion_parameters": {"separator": ";", "ünits": ["V", None]},
        "retention_until": date(2026, 5, 14),
        "created_at": moment,
    }
    return ArchiveEntry(**values | changes)


def conversion(of: ArchiveEntry, **changes: Any) -> Conversion:
    """A successful attempt, ten seconds after archiving; the entry's next one."""
    values: dict[str, Any] = {
        "archive_id": of.archive_id,
        "attempt": 0,
        "started_at": of.created_at + timedelta(seconds=10),
        "duration_ms": 42,
        "status": ConversionStatus.SUCCESS,
        "converter_name": of.converter_name,
        "converter_class": "my_converter.CSVConverter",
        "converter_version": "1.2.0",
        "code_fingerprint": "sha256:c0de",
        "parameters": {"separator": ","},
        "configuration": {"priority": 5, "post_action": "move"},
    }
    return Conversion(**values | changes)


def report(of: ArchiveEntry, ordinal: int = 1, **changes: Any) -> Report:
    """The ``ordinal``-th report of an entry, waiting for the server."""
    values: dict[str, Any] = {
        "archive_id": of.archive_id,
        "ordinal": ordinal,
        "report_id": f"00000000-0000-4000-8000-{of.archive_id[5:17]}",
        "archived_path": f"reports/2026/02/13/{of.archive_id}.{ordinal}.json.gz",
        "checksum": "sha256:d0c",
        "size_bytes": 4_000,
        "compressed_size_bytes": 1_000,
        "serial_number": f"SN-{ordinal:03}",
        "part_number": "PN-7",
        "process": "10",
        "result": "P",
        "start_time": "2026-02-13T09:30:00+01:00",
    }
    return Report(**values | changes)


def arrival(path: str = "/watch/board.csv", **changes: Any) -> Arrival:
    """A source just seen."""
    values: dict[str, Any] = {
        "converter_name": "CSV",
        "path": path,
        "size_bytes": 10_240,
        "mtime_ns": 1_770_970_000_000_000_001,
        "first_seen_at": MORNING,
        "state": ArrivalState.SEEN,
        "changed_at": MORNING,
    }
    return Arrival(**values | changes)
