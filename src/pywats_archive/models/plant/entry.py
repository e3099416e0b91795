"""Entries of all stations, as the index of a plant has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState, UnitResult


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantFilter(EntryFilter):
    """Conditions as for the entries of a station, and those that only a plant has."""

    station: str | None = None
    """The uuid of an archive; or the name of a station, without regard to case, with ``*`` and ``?``; or how a uuid begins."""
    error: str | None = None
    """A part of the error or of a warning, without regard to case, with ``*`` and ``?``."""
    process: str | None = None
    """Of any of its reports: the test operation, with ``*`` and ``?``."""
    id_tail: str | None = None
    """The last six characters of its id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantEntry:
    """One archived source of a station; the fields are those of ``ArchiveEntry``, as far as the index has them."""

    archive_id: str
    """Names the entry within its archive."""
    station: str
    """The computer that made the last segment of the archive."""
    archive_uuid: str
    """The archive of the entry."""
    converter_name: str
    """The converter of its latest conversion."""
    converter_version: str | None
    """Version of that converter; None if it has none."""
    source_original_path: str
    """Where the source was found."""
    source_checksum: str | None
    """``sha256:<hex>`` of the source."""
    source_size_bytes: int
    """Size of the source."""
    conversion_timestamp: datetime
    """When its latest conversion began; before that, when it was archived, or for an imported one its own time."""
    conversion_status: ConversionStatus
    """Outcome of its latest conversion."""
    conversion_error: str | None
    """Why its latest conversion failed, in one line."""
    conversion_duration_ms: int | None
    """Duration of its latest conversion."""
    warnings: tuple[str, ...]
    """Warnings of its latest conversion."""
    report_count: int
    """Number of reports of its latest conversion."""
    serial_number: str | None
    """Serial number in its first report."""
    part_number: str | None
    """Part number in its first report."""
    result: UnitResult | None
    """The worst result of the units in its reports; None if no report has one that WATS knows."""
    hold_reason: str | None
    """Why it is held, protected from every purge; None if it is not."""
    purged_at: datetime | None
    """When the station purged its bytes; the vault still has them. None if it did not."""
    companions: int
    """How many files the converter reads beside the source."""
    segment: str | None
    """The key of the segment in the vault that has the source; None if the vault does not have it."""
    member: str
    """The path of the source in that segment; empty if the source is not archived, or was erased."""
    newest_segment: str
    """The key of the segment with its latest row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantReport:
    """A report of an entry; the fields are those of ``Report``, as far as the index has them."""

    ordinal: int
    """1 for the first report of a conversion."""
    report_id: str
    """The id under which the server has it, or gets it."""
    serial_number: str | None
    """Serial number of the unit."""
    part_number: str | None
    """Part number of the unit."""
    process: str | None
    """Test operation, as code or name."""
    result: str | None
    """Result of the unit, as the document has it."""
    start_time: str | None
    """As the document has it."""
    submission_state: SubmissionState
    """State of its submission."""
    segment: str | None
    """The key of the segment in the vault that has it; None if the vault does not have it."""
    member: str
    """Its path in that segment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantEntryDetails:
    """An entry with its reports."""

    entry: PlantEntry
    """The entry."""
    reports: tuple[PlantReport, ...]
    """Its reports of all conversions, oldest first."""
