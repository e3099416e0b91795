"""``list``: entries by date, converter, status, serial or part number."""

from __future__ import annotations

from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import console, entries_table, print_json
from pywats_archive.errors import UsageError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter, Page
from pywats_archive.models.time import end_of, start_of


def list_entries(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="DATE", help="Converted on or after.")] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Converted on or before, all of that day.")
    ] = None,
    converter: Annotated[str | None, typer.Option(help="One converter's.")] = None,
    status: Annotated[
        str | None, typer.Option(help="pending, success, failed, suspended, skipped or rejected.")
    ] = None,
    serial: Annotated[str | None, typer.Option(help="Serial number of any of its reports.")] = None,
    part: Annotated[str | None, typer.Option(help="Part number of any of its reports.")] = None,
    warned: Annotated[bool | None, typer.Option("--warned/--unwarned", help="With warnings, or without.")] = None,
    submission: Annotated[
        str | None, typer.Option(help="A report of it is waiting, accepted, refused or withheld.")
    ] = None,
    limit: options.LimitOption = 100,
    offset: options.OffsetOption = 0,
    as_json: options.JsonOption = False,
) -> None:
    """List entries, newest first."""
    first, last = options.parse_day(from_, "--from"), options.parse_day(to, "--to")
    start, end = start_of(first) if first else None, end_of(last) if last else None
    if start and end and start > end:
        raise UsageError(f"--from {from_} lies after --to {to}; exchange them")
    wanted = EntryFilter(
        from_date=start,
        to_date=end,
        converter_name=converter,
        status=options.parse_status(status),
        serial_number=serial,
        part_number=part,
        warned=warned,
        submission=options.parse_submission(submission),
    )
    with options.open_client(archive, config) as client:
        if converter:
            client.require_converter(converter)
        print_page(client.find(wanted, limit=limit, offset=offset), offset=offset, as_json=as_json)


def print_page(page: Page[ArchiveEntry], *, offset: int, as_json: bool) -> None:
    """Draw a page of entries, or write it as JSON."""
    if as_json:
        print_json({"entries": page.items, "total": page.total})
        return
    console.print(entries_table(page.items))
    if not page.items:
        console.print("none of", page.total)
        return
    console.print(f"{offset + 1} to {offset + len(page.items)} of {page.total}")
