"""``reprocess list`` and ``show``: the runs on record."""

from __future__ import annotations

from dataclasses import dataclass

from rich import box
from rich.table import Table

from pywats_archive.cli import options
from pywats_archive.cli.output import console, print_json, printable, when
from pywats_archive.cli.reprocess import phrases
from pywats_archive.cli.reprocess.drawing import report
from pywats_archive.cli.reprocess.words import ReadArchiveOption, RunArgument, place_words, reading
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
    for column in ("run", "started", "by", "state", "how", "done", "skipped", "left"):
        table.add_column(column, justify="right" if column in ("run", "done", "skipped", "left") else "left")
    table.add_column("entries", overflow="fold")
    for each in found:
        counts = (str(number) for number in (each.done, each.skipped, each.planned))
        state = each.state.value.replace("_", " ")
        chosen = phrases.selection(each.request.get("selection", {}), each.total)
        words = (when(each.created_at), printable(each.actor), state, phrases.kind(each.request))
        table.add_row(str(each.run_id), *words, *counts, printable(chosen))
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
    return report(result, as_json=as_json, place=place_words(archive, config))
