"""``reprocess diff``: every field that a run changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import print_json
from pywats_archive.cli.reprocess.drawing import draw_item, write_csv
from pywats_archive.cli.reprocess.words import ReadArchiveOption, RunArgument, reading
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.replay import ItemResult


@dataclass(frozen=True, kw_only=True, slots=True)
class RunChanges:
    """What a run changes, entry by entry."""

    run_id: int
    """Number of the run."""
    items: tuple[ItemResult, ...]
    """One for each entry."""


def diff(
    run: RunArgument,
    archive_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only this entry.")] = None,
    config: options.ConfigOption = None,
    archive: ReadArchiveOption = None,
    to_csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write each change as a line of a CSV file.")
    ] = None,
    volatile: Annotated[
        bool, typer.Option("--volatile", help="Also show ids and conversion times, which always differ.")
    ] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Show every field that a run changes."""
    with reading(archive, config) as client:
        every = tuple(client.changes(run, unchanged=True))
        archive_id = archive_id and client.resolve(archive_id)
        items = [item for item in every if archive_id in (None, item.archive_id)]
    if not volatile:
        items = [replace(item, volatile=()) for item in items]
    if archive_id and not items:
        raise UsageError(f"run {run} has no entry '{archive_id}'")
    if to_csv:
        write_csv(to_csv, items)
    if as_json:
        print_json(RunChanges(run_id=run, items=tuple(items)))
    elif not to_csv:
        for item in items:
            draw_item(item)
