"""``plant show``: one entry, with its reports, and where the vault has its files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.text import Text

from pywats_archive.cli import options
from pywats_archive.cli.entries_table import result_text
from pywats_archive.cli.output import console, facts, print_json
from pywats_archive.cli.plant.words import IndexOption, StationOption, plant_of
from pywats_archive.models.plant.entry import PlantEntryDetails, PlantReport
from pywats_archive.models.report import word_of
from pywats_archive.models.time import utc_now
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import printable
from pywats_archive.words.times import duration, exact

ID_HELP = "Id, its last six characters, or serial number."


def show(
    archive_id: Annotated[str, typer.Argument(metavar="ID", help=ID_HELP)],
    index: IndexOption = None,
    station: StationOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Show one entry, and where its files are.

    Of several with a serial number, it is the newest one.
    """
    found = plant_of(index).details(archive_id, station=station)
    if as_json:
        print_json(found)
        return
    entry = found.entry
    unit = Text(printable(entry.serial_number or entry.archive_id), style="bold")
    console.print(unit + Text("  ") + result_text(entry) if entry.result else unit, soft_wrap=True)
    console.print(facts(_entry_facts(found)))
    for number, report in enumerate(found.reports, 1):
        console.print(f"\nreport {number}", style="bold")
        console.print(facts(_report_facts(report)))


def _entry_facts(found: PlantEntryDetails) -> Iterable[tuple[str, str]]:
    entry, now = found.entry, utc_now()
    yield "entry", entry.archive_id
    yield "station", f"{entry.station}, archive {entry.archive_uuid}"
    if entry.part_number:
        yield "part", entry.part_number
    yield "converter", f"{entry.converter_name} {entry.converter_version or ''}".rstrip()
    took = f", took {duration(entry.conversion_duration_ms)}" if entry.conversion_duration_ms is not None else ""
    yield "converted", f"{exact(entry.conversion_timestamp, now=now)}{took}"
    yield "status", entry.conversion_status.value
    if entry.conversion_error:
        yield "error", entry.conversion_error
    for warning in entry.warnings:
        yield "warning", warning
    yield "source", entry.source_original_path
    yield "size", human_size(entry.source_size_bytes)
    yield "checksum", entry.source_checksum or "-"
    if entry.hold_reason:
        yield "held", entry.hold_reason
    if entry.purged_at:
        yield "purged", f"{exact(entry.purged_at, now=now)} at the station"
    yield "in the vault", _place(entry.segment, entry.member)


def _report_facts(report: PlantReport) -> Iterable[tuple[str, str]]:
    unit = [report.serial_number or "no serial number", f"part {report.part_number}" if report.part_number else ""]
    yield "unit", ", ".join(filter(None, [*unit, word_of(report.result) if report.result else "no result"]))
    yield "process", report.process or "-"
    yield "start", report.start_time or "-"
    yield "report id", report.report_id
    yield "server", report.submission_state.value
    yield "in the vault", _place(report.segment, report.member)


def _place(segment: str | None, member: str) -> str:
    return f"{member} in {segment}" if segment else "no"
