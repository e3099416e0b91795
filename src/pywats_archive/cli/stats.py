"""``stats``: the figures of an archive."""

from __future__ import annotations

from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import console, facts, human_size, print_json, when


def stats(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    converter: Annotated[str | None, typer.Option(help="One converter's part.")] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Show how much is archived, and how it went."""
    with options.open_client(archive, config) as client:
        figures = client.statistics(converter)
    if as_json:
        print_json(figures)
        return
    statuses = ", ".join(f"{number} {status}" for status, number in figures.by_status.items()) or "none"
    console.print(
        facts(
            [
                ("entries", f"{figures.total_entries}: {statuses}"),
                ("with warnings", str(figures.warned_entries)),
                (
                    "sources",
                    f"{human_size(figures.source_size_bytes)}, on disk {human_size(figures.compressed_size_bytes)}",
                ),
                (
                    "reports",
                    f"{figures.report_count}: {human_size(figures.report_size_bytes)}, "
                    f"on disk {human_size(figures.report_compressed_size_bytes)}",
                ),
                ("compression", f"{figures.compression_ratio:g} to 1"),
                ("waiting for the server", str(figures.waiting_reports)),
                ("refused by the server", str(figures.refused_reports)),
                ("oldest, newest", f"{when(figures.oldest_entry)}, {when(figures.newest_entry)}"),
                ("read back since", when(figures.oldest_check)),
                ("found damaged", str(figures.open_findings)),
                ("catalog", human_size(figures.catalog_size_bytes)),
            ]
        )
    )
