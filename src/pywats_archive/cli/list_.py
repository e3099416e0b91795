"""``list``: entries by date, converter, status, serial or part number."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import console, entries_table, print_json
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import Page


def list_entries(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    from_: options.FromOption = None,
    to: options.ToOption = None,
    converter: options.ConverterOption = None,
    status: options.StatusOption = None,
    serial: options.SerialOption = None,
    part: options.PartOption = None,
    warned: Annotated[
        bool | None, typer.Option("--warned/--unwarned", help="Only entries with warnings, or without.")
    ] = None,
    submission: Annotated[
        str | None, typer.Option(help="Only entries with a report that is waiting, accepted, refused or withheld.")
    ] = None,
    purged: Annotated[bool | None, typer.Option("--purged/--kept", help="Only purged entries, or only others.")] = None,
    limit: options.LimitOption = 100,
    offset: options.OffsetOption = 0,
    as_json: options.JsonOption = False,
) -> None:
    """List entries, newest first."""
    wanted = replace(
        options.entry_filter(from_, to, converter, status, serial, part),
        warned=warned,
        submission=options.parse_submission(submission),
        purged=purged,
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
    if not page.items:
        console.print(f"none after the first {page.total}" if page.total else "no entries")
        return
    console.print(entries_table(page.items))
    console.print(f"{offset + 1} to {offset + len(page.items)} of {page.total}")
