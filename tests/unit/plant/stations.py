"""Small stations with every kind of entry, and the vault that they ship to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.aged import Aged

from pywats_archive import Client
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import conversions, submissions
from pywats_archive.client.plant.index import Plant
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.plant.entry import PlantEntry, PlantFilter
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState
from pywats_archive.plant.indexing import Indexing
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.folder import FolderVault

UNITS: tuple[tuple[str | None, str | None, str, str | None], ...] = (
    ("SN1", "P-100", "P", "FCT"),
    ("sn1", "p-100", "F", "FCT"),
    ("SN 2/4", "P_1%", "E", "ICT"),
    ("größer*7", None, "P", None),
    (None, "P-200", "T", "10"),
    ("A-1", "P-100", "D", "FCT"),
)
ERRORS = ("limits exceeded: größer", "no header line", "timeout after 5 s (relay-7)", "x_y 50%")
STATUSES = (*ConversionStatus, ConversionStatus.SUCCESS, ConversionStatus.SUCCESS)


@dataclass(frozen=True, kw_only=True)
class Made:
    """What becomes of a source."""

    status: ConversionStatus
    units: Sequence[int] = ()
    error: int | None = None
    warnings: Sequence[str] = ()
    submission: SubmissionState = SubmissionState.ACCEPTED
    days_ago: float = 0


class PlantStation:
    """A station with its archive, whose clock is set by hand."""

    def __init__(self, base: Path, vault: FolderVault, name: str) -> None:
        base.mkdir()
        self.aged, self.vault, self.name = Aged(base), vault, name

    @property
    def archive(self) -> Archive:
        return self.aged.archive

    def add(self, made: Made, converter: str = "FCT", companion: bool = False) -> ArchiveEntry:
        """Archive a source, and record its conversion."""
        self.aged.now += timedelta(seconds=7)
        entry = self.aged.add(days_ago=made.days_ago, converter=converter, status=None, size=100, companion=companion)
        if made.status is not ConversionStatus.PENDING:
            self.convert(entry, made)
        return entry

    def convert(self, entry: ArchiveEntry, made: Made, *, serial: str | None = None, **more: Any) -> None:
        """Record one more conversion of an entry; ``more`` are fields of it."""
        known: dict[str, Any] = {
            "converter_version": "1.2",
            "error": None if made.error is None else ERRORS[made.error],
            "warnings": tuple(made.warnings),
        }
        conversion = Conversion(
            archive_id=entry.archive_id,
            attempt=0,
            started_at=entry.created_at + timedelta(seconds=1),
            duration_ms=17 * len(made.units),
            status=made.status,
            converter_name=entry.converter_name,
            converter_class="m.C",
            **known | more,
        )
        documents = [
            document(serial or UNITS[each][0], *UNITS[each][1:], number) for number, each in enumerate(made.units)
        ]
        reports = conversions.record_conversion(
            self.archive, conversions.NewConversion(conversion=conversion, documents=documents)
        )
        for report in reports:
            submissions.record_try(self.archive, report, state=made.submission, reason="because")

    def ship(self, limit_bytes: int = 6000) -> None:
        """Ship all that waits."""
        for _ in Shipping(self.archive, self.vault, limit_bytes=limit_bytes, station=self.name).ship_all():
            pass

    @contextmanager
    def closed(self) -> Iterator[Path]:
        """Close the archive meanwhile; yields its folder."""
        self.archive.close()
        try:
            yield self.archive.root
        finally:
            self.aged.open()


def document(serial: str | None, part: str | None, result: str, process: str | None, number: int) -> bytes:
    known = {
        "sn": serial,
        "pn": part,
        "result": result,
        "processCode": process,
        "start": f"2026-11-24T12:00:{number:02}",
    }
    return json.dumps({name: value for name, value in known.items() if value is not None}).encode()


def indexed(folder: Path, vault: FolderVault, **more: Any) -> Plant:
    """Bring the index up to date."""
    Indexing(folder, vault, **more).run()
    return Plant(folder)


Seen = tuple[Any, ...]
_SAME = (
    *("archive_id", "converter_name", "converter_version", "source_original_path", "source_checksum"),
    *("source_size_bytes", "conversion_timestamp", "conversion_status", "conversion_error", "conversion_duration_ms"),
    *("warnings", "report_count", "serial_number", "part_number", "result", "hold_reason", "purged_at"),
)


def seen(entries: Iterable[ArchiveEntry | PlantEntry]) -> list[Seen]:
    """Return what a station and the plant both show of entries."""
    return [tuple(getattr(entry, name) for name in _SAME) for entry in entries]


def of_stations(client: Client, wanted: EntryFilter) -> list[Seen]:
    """Return what the stations themselves list."""
    return seen(client.entries(wanted))


def of_plant(plant: Plant, wanted: EntryFilter) -> list[Seen]:
    """Return what the plant lists."""
    return seen(plant.entries(PlantFilter(**{each.name: getattr(wanted, each.name) for each in fields(wanted)})))
