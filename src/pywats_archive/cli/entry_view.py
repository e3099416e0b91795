"""One entry as text: the unit and its source, then conversions, reports and events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.text import Text

from pywats_archive.archive.core import EntryDetails
from pywats_archive.cli.entries_table import result_text
from pywats_archive.cli.output import console, facts
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.event import Event, erasure_among
from pywats_archive.models.report import Report, SubmissionState, UnitResult
from pywats_archive.models.time import utc_now
from pywats_archive.words.origin import origin_of
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import printable
from pywats_archive.words.times import duration, exact

_CONVERTED = {ConversionStatus.SUCCESS: "yes", ConversionStatus.FAILED: "no, it failed"}
_SERVER = {
    SubmissionState.WAITING: "waits",
    SubmissionState.ACCEPTED: "accepted",
    SubmissionState.REFUSED: "refused",
    SubmissionState.WITHHELD: "withheld: not to be sent",
}

_NOT_KEPT = "not kept (archive_source_files is off)"


def draw(details: EntryDetails) -> None:
    """Print the entry; sections without content are left out."""
    now, entry = utc_now(), details.entry
    unit = Text(printable(entry.serial_number or entry.archive_id), style="bold")
    console.print(unit + Text("  ") + result_text(entry) if entry.result else unit, soft_wrap=True)
    console.print(facts([*_entry_facts(details, now), *_origin(details.events)]))
    for conversion in details.conversions:
        _section(f"conversion {conversion.attempt}", _conversion_facts(conversion, now))
    for number, report in enumerate(details.reports, 1):
        _section(f"report {number}", _report_facts(report, now))
    _section("events", [(exact(event.at, now=now), f"{event.kind} by {event.actor}") for event in details.events])


def _section(heading: str, pairs: list[tuple[str, str]]) -> None:
    if pairs:
        console.print(f"\n{heading}", style="bold")
        console.print(facts(pairs))


def _entry_facts(details: EntryDetails, now: datetime) -> list[tuple[str, str]]:
    entry, erasure = details.entry, erasure_among(details.events)
    status = entry.conversion_status
    size = f"{human_size(entry.source_size_bytes)}; {human_size(entry.compressed_size_bytes)} in the archive"
    return [
        ("entry", entry.archive_id),
        *([("part", entry.part_number)] if entry.part_number else []),
        ("converter", entry.converter_name),
        ("converted", _CONVERTED.get(status, status.value.lower())),
        *_importing(entry, now),
        ("source", entry.source_original_path),
        ("archived", exact(entry.created_at, now=now)),
        *([] if erasure else [("archived as", entry.source_archived_path or _NOT_KEPT)]),
        ("size", size),
        ("checksum", entry.source_checksum),
        *(("companion", f"{c.name} ({c.found_by})") for c in entry.companions),
        *_rebuilding(entry, now),
        _erased(erasure, now) if erasure else _keeping(entry, now),
    ]


def _importing(entry: ArchiveEntry, now: datetime) -> list[tuple[str, str]]:
    if not entry.is_as_imported:
        return []
    return [("imported", f"from a Done folder; its own time is {exact(entry.conversion_timestamp, now=now)}")]


def _origin(events: Iterable[Event]) -> list[tuple[str, str]]:
    """Say from which archive an entry was imported, and where its record there is."""
    origin = origin_of(events)
    if origin is None or not origin.archive:
        return []
    return [("origin", f"{origin}; its history there: {origin.record}")]


def _rebuilding(entry: ArchiveEntry, now: datetime) -> list[tuple[str, str]]:
    if entry.rebuilt_at is None:
        return []
    at = exact(entry.rebuilt_at, now=now)
    return [("rebuilt", f"{at}, from its files; only the old catalog has the earlier history")]


def _erased(erasure: Event, now: datetime) -> tuple[str, str]:
    about = f"{exact(erasure.at, now=now)} by {erasure.actor}: {erasure.details.get('reason')}"
    return "erased", f"{about}; only this record is kept"


def _keeping(entry: ArchiveEntry, now: datetime) -> tuple[str, str]:
    if entry.purged_at:
        return "purged", f"{exact(entry.purged_at, now=now)}; only this record is kept"
    if entry.hold_reason:
        return "held", f"{entry.hold_reason} (by {entry.held_by}, {exact(entry.held_at, now=now)})"
    return "kept until", entry.retention_until.isoformat()


def _conversion_facts(conversion: Conversion, now: datetime) -> list[tuple[str, str]]:
    by = f"{conversion.converter_name} {conversion.converter_version or ''}".rstrip()
    return [
        ("when", f"{exact(conversion.started_at, now=now)}, took {duration(conversion.duration_ms)}"),
        ("status", conversion.status.value),
        *([("error", conversion.error)] if conversion.error else []),
        *(("warning", warning) for warning in conversion.warnings),
        ("converter", f"{by} ({conversion.converter_class})"),
        ("code", f"{conversion.code_fingerprint or 'unknown'} {conversion.distribution or ''}".rstrip()),
        *((f"argument {name}", str(value)) for name, value in conversion.parameters.items()),
    ]


def _report_facts(report: Report, now: datetime) -> list[tuple[str, str]]:
    result = UnitResult.read(report.result)
    unit = ", ".join(
        [
            report.serial_number or "no serial number",
            f"part {report.part_number}" if report.part_number else "no part number",
            result.value.capitalize() if result else f"result {report.result or 'not given'}",
        ]
    )
    tries = f", tried {report.tries} times" if report.tries > 1 else ""
    if report.submission_state is SubmissionState.WAITING and report.tries == 0:
        tries = ", not tried yet"
    accepted = f" {exact(report.accepted_at, now=now)}" if report.accepted_at else ""
    return [
        ("unit", unit),
        ("server", f"{_SERVER[report.submission_state]}{accepted}{tries}"),
        *([("reason", report.last_error)] if report.last_error else []),
        ("report id", report.report_id),
        ("archived as", f"{report.archived_path} ({human_size(report.size_bytes)})"),
        ("checksum", report.checksum),
    ]
