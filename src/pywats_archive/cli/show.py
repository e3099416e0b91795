"""``show``: one entry with its whole history."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from pywats_archive.archive.core import EntryDetails
from pywats_archive.cli import entry_view, options
from pywats_archive.cli.output import print_json, values_of
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import Event
from pywats_archive.models.report import Report
from pywats_archive.words.text import printable
from pywats_archive.words.vault import from_vault


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownEntry(ArchiveEntry):
    """An entry with its whole history."""

    conversions: tuple[Conversion, ...]
    """Every attempt to convert it, oldest first."""
    reports: tuple[Report, ...]
    """Its reports, in the order in which ``show`` numbers them."""
    events: tuple[Event, ...]
    """What happened to it, oldest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownReport:
    """One report of an entry."""

    number: int
    """Its number among the reports of the entry."""
    report: Report
    """What is known of it."""
    document: dict[str, Any]
    """The report itself, as it is sent."""


def show(
    archive_id: Annotated[str, typer.Argument(metavar="ID", help=options.ID_HELP)],
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    report: Annotated[
        int | None, typer.Option("--report", metavar="N", min=1, help="Print the N-th report, indented.")
    ] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Show one entry and its history.

    The history has conversions, reports and events.
    """
    with options.open_client(archive, config) as client:
        details = client.details(client.resolve(archive_id, newest=True))
        if report is not None:
            with client.open_report(details.entry.archive_id, report) as content:
                document = json.loads(content.read())
            if content.vault:
                typer.echo(printable(from_vault(details.entry.archive_id, content.vault)), err=True)
            _print_report(ShownReport(number=report, report=details.reports[report - 1], document=document), as_json)
            return
    if as_json:
        print_json(_document(details))
    else:
        entry_view.draw(details)


def _document(details: EntryDetails) -> ShownEntry:
    known = values_of(details.entry)
    return ShownEntry(**known, conversions=details.conversions, reports=details.reports, events=details.events)


def _print_report(shown: ShownReport, as_json: bool) -> None:
    if as_json:
        print_json(shown)
    else:
        lines = json.dumps(shown.document, indent=2, ensure_ascii=False).split("\n")
        sys.stdout.write("".join(f"{printable(line)}\n" for line in lines))
