"""``reprocess list`` and ``show``: the runs on record."""

from __future__ import annotations

from dataclasses import dataclass

from rich import box
from rich.table import Table

from pywats_archive.cli import options
from pywats_archive.cli.output import console, print_json, printable, when
from pywats_archive.cli.reprocess.drawing import report
from pywats_archive.cli.reprocess.words import ReadArchiveOption, RunArgument, reading
from pywats_archive.models.operation.replay import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class RunList:
    """The runs of an archive."""

    runs: tuple[Run, ...]
    """The runs, newest first."""


def list_runs(
    config: options.ConfigOption = None, archive: ReadArchiveOption = None, as_json: options.JsonOption = False
) -> None:
    """List the runs, newest first."""
    with reading(archive, config) as client:
        found = client.runs()
    if as_json:
        print_json(RunList(runs=tuple(found)))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("run", "begun", "by", "state", "done", "skipped", "planned", "how"):
        table.add_column(column, justify="right" if column in ("run", "done", "skipped", "planned") else "left")
    for each in found:
        how = ", ".join(key for key, value in each.request.items() if value and not key.startswith("use_current"))
        counts = (str(number) for number in (each.done, each.skipped, each.planned))
        table.add_row(str(each.run_id), when(each.created_at), printable(each.actor), each.state.value, *counts, how)
    console.print(table)


def show(
    run: RunArgument,
    config: options.ConfigOption = None,
    archive: ReadArchiveOption = None,
    as_json: options.JsonOption = False,
) -> int:
    """Show what a run did so far."""
    with reading(archive, config) as client:
        result = client.run(run)
    return report(result, as_json=as_json)
