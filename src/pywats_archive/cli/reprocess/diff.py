"""``reprocess diff``: every field that a run changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import print_json
from pywats_archive.cli.reprocess.changes import draw_changes, draw_item, write_csv
from pywats_archive.cli.reprocess.words import ReadArchiveOption, RunArgument, reading
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.replay import ItemResult


@dataclass(frozen=True, kw_only=True, slots=True)
class RunChanges:
    """What a run changes, entry by entry."""

    run_id: int
    """Number of the run."""
    items: tuple[ItemResult, ...]
    """One for each entry that the run changes, skips or fails; with ``--all``, also for unchanged ones."""
    unchanged: int
    """Number of entries that are left out because the run does not change them."""


def diff(
    run: RunArgument,
    archive_id: Annotated[str | None, typer.Argument(metavar="ID", help="Only this entry.")] = None,
    config: options.ConfigOption = None,
    archive: ReadArchiveOption = None,
    to_csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write each change as a line of a CSV file.")
    ] = None,
    volatile: Annotated[
        bool, typer.Option("--volatile", help="Also show ids and conversion times, which always differ.")
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="Every entry with all its changes.")] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Show what a run changes.

    First what several entries have in common, then the others. Unchanged entries are left out.
    """
    with reading(archive, config) as client:
        result = client.run(run)
        every = [item if volatile else replace(item, volatile=()) for item in client.changes(run, unchanged=True)]
        archive_id = archive_id and client.resolve(archive_id)
    items = [item for item in every if _is_wanted(item, archive_id, all_=all_)]
    if archive_id and not items:
        raise UsageError(f"run {run} has no entry '{archive_id}'")
    hidden = 0 if archive_id else len(every) - len(items)
    if to_csv:
        write_csv(to_csv, items)
    if as_json:
        print_json(RunChanges(run_id=run, items=tuple(items), unchanged=hidden))
    elif not to_csv and (archive_id or all_):
        for item in items:
            draw_item(item, result)
    elif not to_csv:
        draw_changes(items, result, hidden=hidden)


def _is_wanted(item: ItemResult, archive_id: str | None, *, all_: bool) -> bool:
    if archive_id:
        return item.archive_id == archive_id
    return all_ or bool(item.volatile) or not item.is_unchanged
