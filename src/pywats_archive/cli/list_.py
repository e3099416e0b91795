"""``list``: entries by date, converter, status, result, serial or part number, or words."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Annotated

import typer

from pywats_archive.cli import candidates, entries_table, options
from pywats_archive.cli.output import console, print_json
from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter, SortKey

CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV with a header line; times in UTC.")]
UtcOption = Annotated[bool, typer.Option("--utc", help="Show times in UTC.")]
SortOption = Annotated[SortKey, typer.Option("--sort", metavar="KEY", help="time, serial, size, duration or result.")]
ReverseOption = Annotated[bool, typer.Option("--reverse", help="Reverse the order.")]
_PAGE = 100
_DESCENDING = frozenset({SortKey.TIME, SortKey.SIZE, SortKey.DURATION})
CSV = {
    "time": "conversion_timestamp",
    "archive_id": "archive_id",
    "converter": "converter_name",
    "serial_number": "serial_number",
    "part_number": "part_number",
    "result": "result",
    "status": "conversion_status",
    "error": "conversion_error",
    "source": "source_original_path",
    "source_size_bytes": "source_size_bytes",
    "duration_ms": "conversion_duration_ms",
    "report_id": "report_id",
    "reports": "report_count",
    "purged_at": "purged_at",
}
"""The columns of CSV, and the fields of an entry that they show."""


def list_entries(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    from_: options.FromOption = None,
    to: options.ToOption = None,
    since: options.SinceOption = None,
    today: options.TodayOption = False,
    converter: options.ConverterOption = None,
    status: options.StatusOption = None,
    result: options.ResultOption = None,
    serial: options.SerialOption = None,
    part: options.PartOption = None,
    text: options.TextOption = None,
    warned: Annotated[
        bool | None, typer.Option("--warned/--unwarned", help="Only entries with warnings, or without.")
    ] = None,
    submission: Annotated[
        str | None,
        typer.Option(
            metavar="STATE",
            autocompletion=candidates.submissions,
            help="A report is waiting, accepted, refused or withheld.",
        ),
    ] = None,
    purged: Annotated[bool | None, typer.Option("--purged/--kept", help="Only purged entries, or only others.")] = None,
    sort: SortOption = SortKey.TIME,
    reverse: ReverseOption = False,
    limit: options.LimitOption = None,
    offset: options.OffsetOption = 0,
    utc: UtcOption = False,
    as_csv: CsvOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """List entries, newest first.

    In serial and part numbers, * stands for any characters and ? for one.
    """
    wanted = replace(
        options.entry_filter(start_of_range(from_, since, today=today), to, converter, status, serial, part),
        result=options.parse_result(result),
        text=text,
        warned=warned,
        submission=options.parse_submission(submission),
        purged=purged,
        sort=sort,
        newest_first=newest_first(sort, reverse=reverse),
    )
    with options.open_client(archive, config) as client:
        answer(
            client,
            options.known_converter(client, wanted),
            Form(limit=limit, offset=offset, as_json=as_json, as_csv=as_csv, utc=utc),
        )


def newest_first(sort: SortKey, *, reverse: bool) -> bool:
    """Whether the greatest value comes first."""
    return (sort in _DESCENDING) is not reverse


def start_of_range(from_: str | None, since: str | None, *, today: bool) -> str | None:
    """Return the one option of three that says where the range begins."""
    given = [each for each in (from_, since, date.today().isoformat() if today else None) if each]
    if len(given) > 1:
        raise UsageError("--from, --since and --today: use one of them")
    return given[0] if given else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """How many entries are printed, and how."""

    limit: int | None
    offset: int
    as_json: bool
    as_csv: bool
    utc: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryList:
    """A page of entries."""

    entries: tuple[ArchiveEntry, ...]
    """The entries, in the requested order."""
    total: int
    """Number of entries that match, on all pages."""
    total_is_exact: bool
    """False if more than ``total`` match."""


def answer(client: Client, wanted: EntryFilter, form: Form) -> None:
    """Print the entries that match: a page of them as a table or JSON, or all of them as CSV."""
    if form.as_csv and not form.as_json:
        last = None if form.limit is None else form.offset + form.limit
        write_csv(islice(client.entries(wanted), form.offset, last))
        return
    page = client.find(wanted, limit=form.limit or _PAGE, offset=form.offset)
    if form.as_json:
        print_json(EntryList(entries=page.items, total=page.total, total_is_exact=page.total_is_exact))
    elif not page.items:
        console.print(f"none after the first {page.total}" if page.total else "no entries")
    else:
        entries_table.draw(page.items, utc=form.utc)
        total = page.total if page.total_is_exact else f"more than {page.total}"
        console.print(f"{form.offset + 1} to {form.offset + len(page.items)} of {total}")


def write_csv(entries: Iterable[object], columns: Mapping[str, str] = CSV) -> None:
    """Write entries as CSV: the head of each column, and the field that it shows."""
    lines = csv.writer(_Lines(), lineterminator=_Lines.ENDING)
    lines.writerow(columns)
    for entry in entries:
        lines.writerow([_plain(getattr(entry, field)) for field in columns.values()])


class _Lines:
    """Standard output, with line feeds at the ends of lines: csv quotes what is in its own ending, so both characters."""

    ENDING = "\r\n"

    def write(self, line: str) -> int:
        return sys.stdout.write(line.removesuffix(self.ENDING) + "\n")


def _plain(value: object) -> object:
    value = getattr(value, "value", value)
    return value.isoformat() if isinstance(value, date) else value
