"""``restore``: brings sources back under their own names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import console, print_json
from pywats_archive.client.restoring import Restored
from pywats_archive.words.text import printable
from pywats_archive.words.vault import from_vault


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoredSources:
    """The sources that were restored, and those that were not."""

    restored: tuple[Restored, ...]
    """Those that were restored without a problem."""
    problems: tuple[Restored, ...]
    """Those that failed, or were only restored in part."""


def restore(
    archive_ids: Annotated[list[str], typer.Argument(metavar="ID", help=options.ID_HELP)],
    to: Annotated[
        Path,
        typer.Option(
            "--to", metavar="DIR", help="Target folder; existing files are not replaced.", show_default="here"
        ),
    ] = Path(),
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    even_damaged: Annotated[
        bool, typer.Option("--even-damaged", help="Restore the readable part of a damaged source, as NAME.damaged.")
    ] = False,
    reports: Annotated[
        bool, typer.Option("--reports", help="Restore the reports too, as NAME.report-N.json beside the source.")
    ] = False,
    as_json: options.JsonOption = False,
) -> int:
    """Restore sources with their companions.

    Each is checked against its checksum.
    """
    with options.open_client(archive, config) as client:
        chosen = options.chosen(client, archive_ids)
        results = client.restore(chosen, to.absolute(), even_damaged=even_damaged, reports=reports)
    failed = tuple(result for result in results if result.error)
    if as_json:
        print_json(RestoredSources(restored=tuple(r for r in results if not r.error), problems=failed))
    else:
        for result in results:
            for path in (result.path, *result.reports):
                if path:
                    console.print(printable(str(path)), soft_wrap=True)
            if result.path and result.vault:
                typer.echo(printable(from_vault(result.archive_id, result.vault)), err=True)
            if result.error:
                console.print(printable(_named(result.archive_id, result.error)), soft_wrap=True, style="red")
        if any(result.path and not result.is_on_record for result in results):
            console.print("The archive is read-only here, so its history does not record this restore.")
    return 1 if failed else 0


def _named(archive_id: str, error: str) -> str:
    """Return the error with the id in front, once."""
    return error if error.startswith(f"{archive_id}:") else f"{archive_id}: {error}"
