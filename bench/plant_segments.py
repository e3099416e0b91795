"""Segments of a plant: copies of what a real station shipped, with other ids, times, names, numbers and checksums.

A station makes a segment every 15 minutes of a day with two shifts. Each has the rows and events of its entries, packed by the
product's own writer; its files are empty, since an index reads only their names.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from isal import isal_zlib

from bench import grown
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import exporting
from pywats_archive.models.ids import archive_id
from pywats_archive.replication import names
from pywats_archive.replication.segment.building import build
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.segment.reading import opened
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault import marker
from pywats_archive.vault.folder import FolderVault

FILES_A_DAY, SEGMENTS_A_DAY = 1_000, 64
"""Of a station: 1,000 files in 16 hours, and a segment every 15 minutes."""
EVENTS_A_DAY = 4 * FILES_A_DAY
"""More than the events of a day, so that segments of different days have different numbers."""
FIRST_NUMBER = 500_000_000
"""Of the events, entries and reports of the first day: rows of earlier days have smaller ones."""
FIRST_SERIAL = 50_000_000
_QUARTER, _BEGIN = timedelta(minutes=15), timedelta(hours=6)
_GZIP = 31
_SHA256 = "sha256:"
_MOMENT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
_NO_BLOBS = {"sources": ".csv.gz", "reports": ".json.gz"}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The lines that a real station shipped for each of its entries, as templates."""

    templates: Sequence[bytes]
    has_report: Sequence[bool]
    description: SegmentDescription


def measured_shape(base: Path) -> Shape:
    """Let a real station convert 1,000 files, and ship them; returns what their rows look like."""
    root = grown.station(base)
    vault = FolderVault(base / "shape")
    marker.create(vault)
    lines: dict[str, list[bytes]] = defaultdict(list)
    with Archive.open(root) as archive:
        for _ in Shipping(archive, vault).ship_all():
            pass
    for stored in vault.keys(""):
        if names.first_of(stored.key) is None:
            continue
        segment = opened(vault.get(stored.key), stored.key)
        for line in segment.rows():
            _, _, row = exporting.read_line(line)
            if row and "archive_id" in row:
                lines[str(row["archive_id"])].append(line)
    own = [_template(several, base) for several in lines.values()]
    return Shape(
        templates=[each for each, _ in own],
        has_report=[found for _, found in own],
        description=segment.description,
    )


def _template(lines: Sequence[bytes], base: Path) -> tuple[bytes, bool]:
    """Return the lines of an entry with names in the place of what differs, and whether it has a report."""
    entry = next(row for table, _, row in map(exporting.read_line, lines) if table == "archive_entries" and row)
    report = next((row for table, _, row in map(exporting.read_line, lines) if table == "reports"), None)
    serial = Path(str(entry["source_path"])).name[:10]
    own_id, digest = str(entry["archive_id"]), str(entry["source_checksum"]).removeprefix(_SHA256)
    text = b"".join(lines).replace(b"%", b"%%")
    day = f"{own_id[:4]}/{own_id[4:6]}/{own_id[6:8]}"
    plain: dict[str, str] = {
        str(base): "/srv/station",
        f"{day}/{own_id}": "%(day)b/%(id)b",
        own_id: "%(id)b",
        digest: "%(sha256)b",
        serial: "%(serial)b",
        f"no header in line {int(serial[2:])}": "no header in line %(line)d",
        f'"entry_no":{entry["entry_no"]}': '"entry_no":%(number)d',
        f'"table":"archive_entries","key":"{entry["entry_no"]}"': '"table":"archive_entries","key":"%(number)d"',
        f'"source_size_bytes":{entry["source_size_bytes"]}': '"source_size_bytes":%(size)d',
        f'"conversion_duration_ms":{entry["conversion_duration_ms"]}': '"conversion_duration_ms":%(duration)d',
    }
    if report:
        number = report["report_no"]
        plain |= {
            str(report["report_id"]): "%(report_id)b",
            f'"report_no":{number}': '"report_no":%(number)d',
            f'"table":"reports","key":"{number}"': '"table":"reports","key":"%(number)d"',
            str(report["start_time"]): "%(started)b",
        }
    for before, after in plain.items():
        text = text.replace(before.encode(), after.encode())
    return _MOMENT.sub(b"%(moment)b", text), report is not None


class Plant:
    """Stations that fill one vault, a day after the other."""

    def __init__(self, vault: Path, shape: Shape, stations: int) -> None:
        self._root = vault
        self._shape = shape
        self._random = random.Random(5)
        self._uuids = [str(UUID(int=self._random.getrandbits(128), version=4)) for _ in range(stations)]
        self._hashes = [f"{self._random.getrandbits(256):064x}" for _ in range(stations)]
        self._chains = [each[:12] for each in self._hashes]
        self._days = 0
        marker.create(FolderVault(vault))

    def add_day(self, day: datetime) -> int:
        """Add the segments of a day; returns the number of its entries."""
        stations = len(self._uuids)
        count = stations * FILES_A_DAY
        serials = list(range(FIRST_SERIAL + self._days * count, FIRST_SERIAL + (self._days + 1) * count))
        self._random.shuffle(serials)
        for station in range(stations):
            own = serials[station * FILES_A_DAY : (station + 1) * FILES_A_DAY]
            self._add_segments(station, day, own)
        self._days += 1
        return count

    def _add_segments(self, station: int, day: datetime, serials: Sequence[int]) -> None:
        folder = self._root / names.segments_folder(self._uuids[station], self._chains[station])
        folder.mkdir(parents=True, exist_ok=True)
        first = FIRST_NUMBER + self._days * EVENTS_A_DAY if self._days else 1
        for quarter in range(SEGMENTS_A_DAY):
            part = serials[quarter * len(serials) // SEGMENTS_A_DAY : (quarter + 1) * len(serials) // SEGMENTS_A_DAY]
            following = FIRST_NUMBER + self._days * EVENTS_A_DAY + (quarter + 1) * EVENTS_A_DAY // SEGMENTS_A_DAY
            begin = day + _BEGIN + quarter * _QUARTER
            content = self._segment(station, begin, part, first, following - 1)
            key = names.segment_key(self._uuids[station], self._chains[station], first)
            (self._root / key).write_bytes(content)
            first = following

    def _segment(self, station: int, begin: datetime, serials: Sequence[int], first: int, last: int) -> bytes:
        rows, members = list[bytes](), list[tuple[str, bytes]]()
        for position, serial in enumerate(serials):
            at = begin + _QUARTER * position / len(serials) + timedelta(milliseconds=self._random.randrange(50_000))
            texts = self._texts(at, serial)
            which = self._random.randrange(len(self._shape.templates))
            values = {name.encode(): text.encode() for name, text in texts.items()}
            rows.append(self._shape.templates[which] % {**values, **self._numbers(serial)})
            kinds = ("sources", "reports") if self._shape.has_report[which] else ("sources",)
            place = f"{texts['day']}/{texts['id']}"
            members += [(f"{kind}/{place}{_NO_BLOBS[kind]}", b"") for kind in kinds]
        packer = isal_zlib.compressobj(3, isal_zlib.DEFLATED, _GZIP)
        packed = packer.compress(b"".join(rows)) + packer.flush()
        return build(members, packed, self._description(station, begin + _QUARTER, len(serials), first, last))

    def _texts(self, at: datetime, serial: int) -> dict[str, str]:
        digest = f"{self._random.getrandbits(256):064x}"
        return {
            "id": archive_id(at, digest),
            "day": f"{at:%Y/%m/%d}",
            "sha256": digest,
            "moment": (at + timedelta(microseconds=self._random.randrange(999))).isoformat(timespec="microseconds"),
            "started": (at - timedelta(seconds=30)).isoformat(timespec="seconds"),
            "serial": f"SN{serial:08d}",
            "report_id": str(UUID(int=self._random.getrandbits(128), version=4)),
        }

    def _numbers(self, serial: int) -> dict[bytes, int]:
        number = FIRST_NUMBER + serial - FIRST_SERIAL
        size, duration = self._random.randrange(5_000, 15_000), self._random.randrange(5, 300)
        return {b"line": serial, b"number": number, b"size": size, b"duration": duration}

    def _description(self, station: int, at: datetime, entries: int, first: int, last: int) -> SegmentDescription:
        previous = self._hashes[station] if first > 1 else "0" * 64
        return SegmentDescription(
            archive_uuid=self._uuids[station],
            station=f"fct-{station:03}",
            chain=self._chains[station],
            first=first,
            last=last,
            begun_at=at - _QUARTER,
            ended_at=at,
            previous_hash=previous,
            hash=self._hashes[station],
            previous_segment=None,
            entries=entries,
            entry_no=last,
            report_no=last,
            blobs=2 * entries,
            archive={"archive_uuid": self._uuids[station]},
            tables=self._shape.description.tables,
            made_at=at,
            software=self._shape.description.software,
        )
