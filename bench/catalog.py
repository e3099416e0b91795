"""(e) A catalog of 900,000 entries: its questions against the same statements through sqlite3 alone."""

from __future__ import annotations

import random
import sqlite3
import statistics
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from bench.figures import Board, Figure, folder, timed
from pywats_archive.catalog import conversions, entries, entry_order, entry_pages, reports, trends
from pywats_archive.catalog.column_types import moment_to_text
from pywats_archive.catalog.engine import Catalog
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.query import EntryFilter, SortKey
from pywats_archive.models.report import Report, SubmissionState

_START = datetime(2026, 1, 1, tzinfo=timezone.utc)
END = _START + timedelta(days=90)
"""When the last entry was received."""
_REASON = "ValueError: no header in line … …"
"""Why every fiftieth conversion failed."""
_BATCH, _CONVERTERS, _DAYS, _ROUNDS = 500, 10, 90, 15


def questions(board: Board, count: int) -> None:
    """(e) Fill a catalog through its own writer, then ask it what people ask."""
    with folder() as base:
        path = base / "metadata.db"
        catalog = Catalog.open(path)
        filling = timed(lambda: fill(catalog, count))
        size = path.stat().st_size
        details = {"entries": count, "seconds": round(filling), "per_s": round(count / filling)}
        board.add(Figure(figure="e", name="bytes per entry", ratio=size / count, details=details))
        for name, ask in _asked(count).items():
            _compare(board, catalog, path, name, ask)
        catalog.close()


def _asked(count: int) -> dict[str, Callable[[Any], Any]]:
    day = EntryFilter(
        converter_name="converter-3", from_date=_START + timedelta(days=40), to_date=_START + timedelta(days=41)
    )
    quarter = EntryFilter(converter_name="converter-3", from_date=_START, to_date=_START + timedelta(days=_DAYS))
    failed = EntryFilter(failure_reason=_REASON, from_date=END - timedelta(days=30), purged=False)
    one = _entry(count // 2, count)
    middle = entry_order.written((moment_to_text(one.conversion_timestamp), one.archive_id))
    return {
        "one entry by id (analysis: 1 ms)": lambda db: entries.get(db, one.archive_id),
        "first page of one converter's day (10 ms)": lambda db: entry_pages.find(db, day, limit=100),
        "first page of its 90 days (50 ms)": lambda db: entry_pages.find(db, quarter, limit=100),
        "hundredth page of its 90 days (50 ms)": lambda db: entry_pages.find(db, quarter, limit=100, offset=9900),
        "a serial number": lambda db: entry_pages.find(db, EntryFilter(serial_number=f"SN{count // 3:07d}"), limit=100),
        "first page (5 ms)": lambda db: entry_pages.find(db, EntryFilter(), limit=50),
        "one status (10 ms)": lambda db: entry_pages.find(db, EntryFilter(status=ConversionStatus.SUCCESS), limit=50),
        "a page from the middle (2 ms)": lambda db: entry_pages.find(db, EntryFilter(), limit=50, after=middle),
        "by size (5 ms)": lambda db: entry_pages.find(db, EntryFilter(sort=SortKey.SIZE), limit=50),
        "a common word (200 ms)": lambda db: entry_pages.find(db, EntryFilter(text="ict"), limit=50),
        "a word in the errors (100 ms)": lambda db: entry_pages.find(db, EntryFilter(text="timeout77"), limit=100),
        "why conversions failed in 30 days (20 ms)": lambda db: trends.failed_since(db, END - timedelta(days=30)),
        "the entries of a reason (10 ms)": lambda db: entry_pages.find(db, failed, limit=50),
    }


def _compare(board: Board, catalog: Catalog, path: Path, name: str, ask: Callable[[Any], Any]) -> None:
    with catalog.read() as db:
        statements = _statements(db, lambda: ask(db))
        raw = sqlite3.connect(path)
        ours, theirs = [], []
        for _ in range(_ROUNDS):
            ours.append(timed(lambda: ask(db)))
            theirs.append(timed(lambda: [raw.execute(statement).fetchall() for statement in statements]))
        raw.close()
    mine, plain = statistics.median(ours), statistics.median(theirs)
    details = {"ms": round(mine * 1e3, 3), "sqlite3_ms": round(plain * 1e3, 3)}
    board.add(Figure(figure="e", name=name, ratio=mine / plain, bound="<= 10", details=details))


def _statements(db: Any, ask: Callable[[], Any]) -> list[str]:
    """The statements of a question, with their values in them, as SQLite saw them."""
    seen: list[str] = []
    driver = db.connection.driver_connection
    driver.set_trace_callback(seen.append)
    ask()
    driver.set_trace_callback(None)
    return seen


def fill(catalog: Catalog, count: int, *, end: datetime = END) -> None:
    """Fill a catalog with entries of ten converters over 90 days, each with its conversion, most with a report."""
    for start in range(0, count, _BATCH):
        batch = range(start, min(start + _BATCH, count))

        def unit(tx: Any, batch: range = batch) -> None:
            for number in batch:
                add_entry(tx, number, count, end)

        catalog.write(unit)


def add_entry(tx: Any, number: int, count: int, end: datetime = END) -> ArchiveEntry:
    """Add one of ``count`` entries, with its conversion and its report; give the entry."""
    entry = _entry(number, count, end)
    entries.add(tx, entry)
    failed = number % 50 == 0
    conversion = Conversion(
        archive_id=entry.archive_id,
        attempt=1,
        started_at=entry.created_at,
        duration_ms=12,
        status=ConversionStatus.FAILED if failed else ConversionStatus.SUCCESS,
        converter_name=entry.converter_name,
        converter_class="m.C",
        error=f"ValueError: no header in line {number}, timeout{number % 20_000}" if failed else None,
    )
    conversion_id = conversions.add(tx, conversion)
    made = [] if failed else [_report(number, entry.archive_id, conversion_id)]
    for report in made:
        reports.add(tx, report)
    entries.apply_conversion(tx, entry.archive_id, conversion, made, retention_until=entry.retention_until)
    return entry


def _entry(number: int, count: int, end: datetime = END) -> ArchiveEntry:
    moment = end - timedelta(seconds=(count - number) * _DAYS * 86_400 / count)
    archive_id = f"{moment:%Y%m%d%H%M%S}{number % 1000:03d}_{random.Random(number).getrandbits(24):06x}"
    return ArchiveEntry(
        archive_id=archive_id,
        converter_name=f"converter-{number % _CONVERTERS}",
        source_original_path=f"/data/converter-{number % _CONVERTERS}/watch/SN{number:07d}_ICT.csv",
        source_archived_path=f"sources/{moment:%Y/%m/%d}/{archive_id}.csv.gz",
        source_checksum=f"sha256:{number:064x}",
        source_size_bytes=10_000,
        compressed_size_bytes=2_000,
        disk_size_bytes=4_096,
        conversion_timestamp=moment,
        retention_until=(moment + timedelta(days=90)).date(),
        created_at=moment,
    )


def _report(number: int, archive_id: str, conversion_id: int) -> Report:
    return Report(
        archive_id=archive_id,
        ordinal=1,
        conversion_id=conversion_id,
        report_id=f"{number:032x}",
        archived_path=f"reports/{archive_id}.json.gz",
        checksum=f"sha256:{number:064x}",
        size_bytes=20_000,
        compressed_size_bytes=3_000,
        disk_size_bytes=4_096,
        serial_number=f"SN{number:07d}",
        part_number=f"P{number % 40}",
        result="P",
        submission_state=SubmissionState.ACCEPTED,
    )
