"""An archive that holds one of everything: a file with companions, a folder, a record without bytes, a scheduled result."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import conversions
from pywats_archive.archive.sources import ingest
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus

AT = "2026-02-13T10:00:00.000000+00:00"
ROWS_OF_EVERY_TABLE = (
    f"INSERT INTO arrivals VALUES (1, 'C', '/watch/a', 1, 2, '{AT}', 'done', '{AT}', "
    f"(SELECT min(archive_id) FROM archive_entries), 1, '{AT}', '/done/a', 'why', '7', '8', 'sha256:1')",
    "INSERT INTO configurations VALUES ('sha256:00', '{}')",
    "UPDATE archive_entries SET hold_reason = 'audit', held_by = 'q', held_at = created_at WHERE entry_no = 2",
    "UPDATE reports SET submission_state = 'WAITING' WHERE report_no = 1",
    f"INSERT INTO retention_policies VALUES (1, 'C', 90, 10.0, 6, 1, '{AT}', '{AT}', 120, 1, 1, 0, 1, 5)",
    f"INSERT INTO purge_history VALUES (1, '{AT}', 'C', 3, 4000, 'age', 'service', '{AT}')",
    f"INSERT INTO runs VALUES (1, '{AT}', 'q', 'finished', '{{}}')",
    "INSERT INTO run_items SELECT 1, archive_id, 'same', '{}' FROM archive_entries",
    f"INSERT INTO configured VALUES ('C', '{{}}', '{AT}')",
    f"INSERT INTO alerts VALUES ('disk', 'C', '{AT}', '{{}}')",
    f"INSERT INTO findings VALUES ('sources/x.gz', 'x', 'blob_damaged', 'damaged', '{AT}')",
    f"INSERT INTO scrub VALUES (1, 'x', '{AT}', 1, 2, 3)",
    f"INSERT INTO vault_gate VALUES (1, '/vault', 'c0ffee', 7, '{AT}')",
    f"INSERT INTO misdated VALUES (1, 1, 2, '{AT}')",
    "INSERT INTO stored_files VALUES ('20260213', 'cal.txt', 1, 2, 'sha256:2', 'sources/y.gz')",
)
"""Statements that add a row to each table that the archive of ``fill`` has none of."""


def fill(root: Path, *, files: int = 2) -> dict[str, bytes]:
    """Make an archive at ``root / "archive"`` from sources beside it; gives the content of each file source by id."""
    rng, contents = random.Random(7), {}
    with Archive.open(root / "archive", create=True, own=True) as archive:
        for number in range(files):
            path = root / f"SN{number}.csv"
            path.write_bytes(rng.randbytes(3000) + b"x" * 1000)
            (root / f"SN{number}.extra").write_bytes(b"companion %d" % number)
            entry = _take_in(archive, path, companion_rules=("{stem}.extra",))
            contents[entry.archive_id] = path.read_bytes()
            _convert(archive, entry, [f"SN{number}"])
        _convert(archive, entry, [f"SN{files - 1}-again", "second"])
        _fill_rest(archive, root)
    return contents


def spoil_page(catalog: Path, *, of: str) -> None:
    """Overwrite the first page of a table in a closed catalog."""
    raw = sqlite3.connect(catalog)
    (number,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (of,)).fetchone()
    raw.close()
    with catalog.open("r+b") as stream:
        stream.seek((number - 1) * 4096)
        stream.write(b"\xa5" * 4096)


def _fill_rest(archive: Archive, root: Path) -> None:
    (root / "folder" / "deep").mkdir(parents=True)
    (root / "folder" / "deep" / "a.txt").write_bytes(b"in a folder")
    _take_in(archive, root / "folder")
    (root / "gone.csv").write_bytes(b"not kept")
    _convert(archive, _take_in(archive, root / "gone.csv", keep_source=False), ["GONE"])
    ingest.archive_result(archive, ingest.NewSource(path=Path("scheduled"), converter_name="S"), b'{"ran": true}')


def _take_in(archive: Archive, path: Path, **more: object) -> ArchiveEntry:
    return ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="C", **more))  # type: ignore[arg-type]


def _convert(archive: Archive, entry: ArchiveEntry, serials: list[str]) -> None:
    conversion = Conversion(
        archive_id=entry.archive_id,
        attempt=0,
        started_at=archive.now(),
        duration_ms=1,
        status=ConversionStatus.SUCCESS,
        converter_name="C",
        converter_class="m.C",
    )
    bodies = [b'{"type":"T","sn":"%s","pn":"P"}' % serial.encode() for serial in serials]
    conversions.record_conversion(archive, conversions.NewConversion(conversion=conversion, documents=bodies))
