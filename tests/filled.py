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
