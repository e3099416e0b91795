"""``reprocess list`` and ``show``: the runs on record."""

from __future__ import annotations

from dataclasses import dataclass

from rich import box
from rich.table import Table

from pywats_archive.cli import options
from pywats_archive.cli.output import console, print_json
from pywats_archive.cli.reprocess import phrases
from pywats_archive.cli.reprocess.drawing import report
from pywats_archive.cli.reprocess.words import ReadArchiveOption, RunArgument, place_words, reading
from pywats_archive.models.operation.replay import Run
from pywats_archive.words.text import printable
from pywats_archive.words.times import when

_OTHER_COLUMNS, _LEAST_ROOM = 62, 15
"""The characters of a line that the entries of a run leave to the other columns, and the least that they keep."""
_TO_THE_MINUTE = len("2026-01-31 08:00")


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
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    for column in ("run", "started", "by", "state", "how", "done", "entries"):
        table.add_column(column, justify="right" if column in ("run", "done") else "left", no_wrap=True)
    room = max(_LEAST_ROOM, console.width - _OTHER_COLUMNS)
    for each in found:
        words = (when(each.created_at)[:_TO_THE_MINUTE], printable(each.actor), each.state.value.replace("_", " "))
        done = f"{each.done + each.skipped}/{each.total}"
        chosen = phrases.chosen(each.request.get("selection", {}), each.total)
        table.add_row(str(each.run_id), *words, phrases.kind(each.request), done, _cut(printable(chosen), room))
    console.print(table)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 3]}..."


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
