"""``export``: entries as a bag that anyone can check, with a report to read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import console, facts, print_json, progress
from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.models.bag.outcome import Exported
from pywats_archive.models.query import EntryFilter
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import printable

_SHOWN = 20
"""Problems that are listed; ``--json`` has all."""


def export(
    to: Annotated[Path, typer.Option("--to", metavar="DIR|FILE.zip", help="The bag: a new folder, or a new zip.")],
    archive_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]", help=options.ID_HELP)] = None,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    from_: options.FromOption = None,
    to_date: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Converted on or before, all of that day.")
    ] = None,
    since: options.SinceOption = None,
    today: options.TodayOption = False,
    converter: options.ConverterOption = None,
    status: options.StatusOption = None,
    result: options.ResultOption = None,
    serial: options.SerialOption = None,
    part: options.PartOption = None,
    text: options.TextOption = None,
    sources: Annotated[
        bool, typer.Option("--sources/--no-sources", help="With the bytes of sources and companions.")
    ] = True,
    reports: Annotated[bool, typer.Option("--reports/--no-reports", help="With the documents of reports.")] = True,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the history.")] = None,
    as_json: options.JsonOption = False,
) -> int:
    """Export entries with proof.

    The bag holds the files, all that is known of them, checksums, a report to print, and how to check all of it. Call the
    command again after an interruption: it goes on.
    """
    given = [each for each in (from_, since, date.today().isoformat() if today else None) if each]
    if len(given) > 1:
        raise UsageError("--from, --since and --today: use one of them")
    wanted = replace(
        options.entry_filter(given[0] if given else None, to_date, converter, status, serial, part),
        result=options.parse_result(result),
        text=text,
    )
    with options.open_client(archive, config) as client:
        wanted = options.known_converter(client, wanted)
        if archive_ids:
            wanted = replace(wanted, archive_ids=tuple(options.chosen(client, archive_ids)))
        with progress("exporting", lambda: _number(client, wanted)) as advance:
            exported = client.export_bag(
                to, wanted, sources=sources, reports=reports, reason=reason, on_progress=advance
            )
    if as_json:
        print_json(exported)
    else:
        _say(exported)
    return 1 if exported.problems else 0


def _number(client: Client, wanted: EntryFilter) -> int:
    return client.find(wanted, limit=1).total


def _say(exported: Exported) -> None:
    rows = [
        ("bag", exported.bag),
        ("entries", f"{exported.entries:,}"),
        ("files", f"{exported.files:,}, {human_size(exported.size_bytes)}"),
        ("checksum", f"{exported.sha256} (of tagmanifest-sha256.txt; keep it elsewhere)"),
        ("signed", f"with key {exported.key}" if exported.key else f"no: {exported.unsigned_because}"),
    ]
    console.print(facts(rows))
    for each in exported.problems[:_SHOWN]:
        text = printable(f"{each.archive_id}: {each.file}: {each.reason}")
        console.print(text, soft_wrap=True, style="red")
    if len(exported.problems) > _SHOWN:
        console.print(f"... and {len(exported.problems) - _SHOWN:,} more; --json lists all")
    if not exported.is_on_record:
        console.print("The archive is read-only here, so its history does not record this export.")
