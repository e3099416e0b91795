"""``show``: one entry with its whole history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from pywats_archive.archive.core import EntryDetails
from pywats_archive.cli import options
from pywats_archive.cli.output import console, facts, human_size, print_json, printable, values_of, when
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import Event
from pywats_archive.models.report import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownEntry(ArchiveEntry):
    """An entry with its whole history."""

    conversions: tuple[Conversion, ...]
    """Every attempt to convert it, oldest first."""
    reports: tuple[Report, ...]
    """Its reports, in the order in which ``show`` numbers them."""
    events: tuple[Event, ...]
    """What happened to it, oldest first."""


def show(
    archive_id: Annotated[str, typer.Argument(metavar="ID", help=options.ID_HELP)],
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Show one entry and its history.

    The history has conversions, reports and events.
    """
    with options.open_client(archive, config) as client:
        details = client.details(client.resolve(archive_id, newest=True))
    if as_json:
        print_json(_document(details))
        return
    _draw(details)


def _document(details: EntryDetails) -> ShownEntry:
    known = values_of(details.entry)
    return ShownEntry(**known, conversions=details.conversions, reports=details.reports, events=details.events)


def _draw(details: EntryDetails) -> None:
    console.print(facts(_entry_facts(details.entry)))
    for conversion in details.conversions:
        console.print(f"\nconversion {conversion.attempt}", style="bold")
        console.print(facts(_conversion_facts(conversion)))
    for number, report in enumerate(details.reports, 1):
        console.print(f"\nreport {number}", style="bold")
        console.print(facts(_report_facts(report)))
    console.print("\nevents", style="bold")
    console.print(facts((when(event.at), f"{event.kind} by {event.actor}") for event in details.events))


def _entry_facts(entry: ArchiveEntry) -> list[tuple[str, str]]:
    kept = f"{human_size(entry.compressed_size_bytes)} at level {entry.compression_level}"
    return [
        ("entry", entry.archive_id),
        ("source", entry.source_original_path),
        ("archived", f"{when(entry.created_at)}  {entry.source_archived_path}"),
        ("size", f"{human_size(entry.source_size_bytes)}, {kept}"),
        ("checksum", entry.source_checksum),
        *(("companion", f"{c.name} ({c.found_by})") for c in entry.companions),
        *_rebuilding(entry),
        _keeping(entry),
    ]


def _rebuilding(entry: ArchiveEntry) -> list[tuple[str, str]]:
    if entry.rebuilt_at is None:
        return []
    return [("rebuilt", f"{when(entry.rebuilt_at)}, from its files; what happened before is in the old catalog alone")]


def _keeping(entry: ArchiveEntry) -> tuple[str, str]:
    if entry.purged_at:
        return "purged", f"{when(entry.purged_at)}; only this record is kept"
    if entry.hold_reason:
        return "held", f"{entry.hold_reason} (by {entry.held_by}, {when(entry.held_at)})"
    return "kept until", entry.retention_until.isoformat()


def _conversion_facts(conversion: Any) -> list[tuple[str, str]]:
    by = f"{conversion.converter_name} {conversion.converter_version or ''} ({conversion.converter_class})"
    fields = [
        ("when", f"{when(conversion.started_at)}, {conversion.duration_ms} ms"),
        ("converter", by),
        ("code", f"{conversion.code_fingerprint or 'unknown'} {conversion.distribution or ''}"),
        *((f"argument {name}", str(value)) for name, value in conversion.parameters.items()),
        ("status", conversion.status.value),
    ]
    if conversion.error:
        fields.append(("error", conversion.error))
    return [*fields, *(("warning", warning) for warning in conversion.warnings)]


def _report_facts(report: Any) -> list[tuple[str, str]]:
    fields = [
        ("id", report.report_id),
        ("unit", f"serial {report.serial_number}, part {report.part_number}, result {report.result}"),
        ("archived", f"{report.archived_path} ({human_size(report.size_bytes)}) {report.checksum}"),
        ("server", f"{report.submission_state.value}, tried {report.tries}x, {when(report.accepted_at)}"),
    ]
    return [*fields, ("reason", printable(report.last_error))] if report.last_error else fields
