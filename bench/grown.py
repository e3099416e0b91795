"""An archive of a real station, grown to any number of entries: its rows are copied in SQL, with other ids, dates and names."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pywats_archive.catalog.column_types import moment_to_text
from pywats_archive.catalog.tables import IS_OPEN
from pywats_archive.demo.server import WatsServer

CONVERTERS, BASE = 10, 1_000
"""Converters of the station, and how many files go through its service; each later entry is a copy of one of theirs."""
DAYS = 3 * 365
"""Over which the entries are spread."""
_AT_ONCE = 100
"""How many copies of the station's rows one transaction adds."""
_TABLES = ("archive_entries", "conversions", "reports", "arrivals")
_INDEXED = (
    "INSERT INTO main.entry_text (rowid, name, serial, part, error) SELECT entry_no + :copy * 1000, "
    "replace(t.name, 'SN00000', :serial), replace(serial, 'SN00000', :serial), part, error "
    "FROM base.entry_text t JOIN base.archive_entries e ON e.entry_no = t.rowid ORDER BY entry_no"
)
_SUMS = (
    "source_size_bytes, compressed_size_bytes, disk_size_bytes, all_reports, all_reports_size_bytes, "
    "all_reports_compressed_bytes"
)
_FIGURES = (
    "INSERT INTO main.entry_figures SELECT converter_name, substr(archive_id, 1, 8), CASE WHEN purged_at IS NULL "
    "THEN conversion_status ELSE 'PURGED' END, count(*), count(warnings), "
    + ", ".join(f"sum({name})" for name in _SUMS.split(", "))
    + " FROM main.archive_entries GROUP BY 1, 2, 3"
)
_ARRIVAL_FIGURES = (
    "INSERT INTO main.arrival_figures SELECT converter_name, substr(first_seen_at, 1, 10), state, count(*), min(arrival_id) "
    f"FROM main.arrivals WHERE NOT ({IS_OPEN}) GROUP BY 1, 2, 3"
)
_CONVERTER = """
from pywats_client.converters.file_converter import FileConverter
from pywats_client.converters.models import ConverterResult
class Own(FileConverter):
    name = property(lambda self: "Own")
    file_patterns = property(lambda self: ["*"])
    def convert(self, source, context):
        serial = source.path.stem.split("_")[0]
        if int(serial[2:]) % 50 == 0:
            raise ValueError(f"no header in line {int(serial[2:])}")
        return ConverterResult.success_result(report={
            "type": "T", "id": f"00000000-0000-4000-8000-{int(serial[2:]):012d}", "pn": f"P{int(serial[2:]) % 40}",
            "sn": serial, "rev": "A", "processCode": 10, "result": "P", "machineName": "M", "location": "L",
            "purpose": "T", "start": "2026-02-13T10:00:00+00:00", "root": {"name": "Main", "steps": [{"name": "s"}]}})
"""


def station(base: Path) -> Path:
    """Send ``BASE`` files through a service, one in fifty of which fails; return the archive."""
    (base / "converters").mkdir(parents=True)
    (base / "converters" / "own.py").write_text(_CONVERTER)
    for number in range(BASE):
        watch = base / f"watch-{number % CONVERTERS}"
        watch.mkdir(exist_ok=True)
        (watch / f"SN{number:08d}_ICT.csv").write_bytes(b"%d;R1;99.5;Ohm\n" % number * 100)
    sections = [
        {"name": f"converter-{n}", "module_path": "own.Own", "watch_folder": f"watch-{n}", "archive_enabled": True}
        | {"settle_seconds": 0.2, "retention_days": 2000, "max_archive_size_gb": 10_000}
        for n in range(CONVERTERS)
    ]
    with WatsServer(strict=False) as server:
        fields = {"service_address": server.address, "api_token": "YmVuY2g=", "converters": sections}
        (base / "config.json").write_text(json.dumps(fields))
        command = [sys.executable, "-m", "pywats_archive", "run", "--until-idle", "--config", str(base / "config.json")]
        subprocess.run(command, check=False)  # it says that some files failed
    return base / "archive"


def grow(base: Path, grown: Path, count: int) -> None:
    """Make the catalog ``grown`` of copies of the rows of the catalog ``base``; its own rows are the newest.

    The oldest third of the entries is purged. Only the newest have their history, which is whole; no event binds the others.
    """
    copies = count // BASE
    step_s = DAYS * 86_400 // copies
    with closing(sqlite3.connect(grown, isolation_level=None)) as db:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -2000000"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("ATTACH ? AS base", (str(base),))
        later = "sql IS NOT NULL AND (type = 'index' OR type = 'trigger' AND tbl_name <> 'events')"
        made = db.execute(f"SELECT type, name, sql FROM main.sqlite_master WHERE {later}").fetchall()
        for kind, name, _ in made:
            db.execute(f"DROP {kind} main.{name}")
        for table in ("configurations", "configured", "retention_policies", "clock"):
            db.execute(f"INSERT INTO main.{table} SELECT * FROM base.{table}")
        db.execute("CREATE TEMP TABLE named (was PRIMARY KEY, name, was_at, name_at) WITHOUT ROWID")
        statements = [*(_copied(db, table) for table in _TABLES), _INDEXED]
        for first in range(0, copies, _AT_ONCE):
            db.execute("BEGIN")
            for copy in range(first, min(first + _AT_ONCE, copies)):
                age = copies - 1 - copy
                _name(db, timedelta(seconds=age * step_s))
                purged_at = _purged(db, copy, age * step_s) if copy < copies // 3 else None
                values = {"copy": copy, "age": age, "shift": f"-{age * step_s} seconds", "serial": f"SN{age:05d}"}
                values |= {"purged_at": purged_at, "purge_id": copy + 1 if purged_at else None}
                for statement in statements:
                    db.execute(statement, values)
            db.execute("COMMIT")
        db.execute("INSERT INTO main.events SELECT * FROM base.events")
        db.execute(_FIGURES)
        db.execute(_ARRIVAL_FIGURES)
        for _, _, sql in sorted(made):  # indexes before triggers
            db.execute(sql)


def _name(db: sqlite3.Connection, earlier: timedelta) -> None:
    """Fill the table of the ids of one copy."""
    db.execute("DELETE FROM temp.named")
    named = []
    for (was,) in db.execute("SELECT archive_id FROM base.archive_entries").fetchall():
        moment = datetime.strptime(was[:14], "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc) - earlier
        name = f"{moment:%Y%m%d%H%M%S}{was[14:]}"
        named.append((was, name, f"{was[:4]}/{was[4:6]}/{was[6:8]}/{was}", f"{moment:%Y/%m/%d}/{name}"))
    db.executemany("INSERT INTO temp.named VALUES (?, ?, ?, ?)", named)


def _copied(db: sqlite3.Connection, table: str) -> str:
    """Return the statement that copies a table's rows once more."""
    columns = [name for _, name, *_ in db.execute(f"PRAGMA main.table_info({table})")]
    ordered = "ORDER BY 1" if columns[0] != "archive_id" else ""
    return (
        f"INSERT INTO main.{table} ({', '.join(columns)}) SELECT {', '.join(map(_changed, columns))} "
        f"FROM base.{table} JOIN temp.named ON was = archive_id {ordered}"
    )


def _changed(column: str) -> str:
    if column in {"entry_no", "conversion_id", "report_no", "arrival_id"}:
        return f"{column} + :copy * {BASE}"
    if column == "archive_id":
        return "name"
    if column in {"purged_at", "purge_id"}:
        return f":{column}"
    if column == "report_id":
        return "printf('%08x', :age) || substr(report_id, 9)"
    if column in {"archived_path", "report_archived_path"}:
        return f"replace({column}, was_at, name_at)"
    if column in {"source_path", "path", "moved_to", "serial_number"}:
        return f"replace({column}, 'SN00000', :serial)"
    if column in {"conversion_timestamp", "created_at", "started_at", "first_seen_at", "changed_at", "accepted_at"}:
        return f"strftime('%Y-%m-%dT%H:%M:%S', {column}, :shift) || substr({column}, 20)"
    return column


def _purged(db: sqlite3.Connection, copy: int, age_s: int) -> str:
    """Record the purge of one copy, 700 days after its receipt; return when it was."""
    at = moment_to_text(datetime.now(timezone.utc) - timedelta(seconds=age_s) + timedelta(days=700))
    values = (copy + 1, at, f"converter-{copy % CONVERTERS}", BASE, 8_000_000, "retention_days", "service", at)
    db.execute("INSERT INTO main.purge_history VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    return at
