"""``plant replay show``, ``list`` and ``cancel``: what the vault has of replays."""

from __future__ import annotations

from dataclasses import dataclass

import typer
from rich import box
from rich.table import Table

from pywats_archive.cli import options
from pywats_archive.cli.output import console, print_json
from pywats_archive.cli.plant.replay.drawing import headline
from pywats_archive.cli.plant.replay.words import RunArgument, replays_of, report
from pywats_archive.models.plant.replay import PlantReplay
from pywats_archive.words.text import printable
from pywats_archive.words.times import when


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantReplayList:
    """The replays of a vault."""

    replays: tuple[PlantReplay, ...]
    """The replays, newest first."""


def show(
    run: RunArgument,
    vault: options.VaultOption = None,
    config: options.VaultConfigOption = None,
    as_json: options.JsonOption = False,
) -> int:
    """Show what a replay found so far.

    Changes are grouped as 'reprocess show' does; verdicts that turn are named by serial number and station.
    """
    return report(replays_of(vault, config).show(run), as_json=as_json)


def list_replays(
    vault: options.VaultOption = None, config: options.VaultConfigOption = None, as_json: options.JsonOption = False
) -> None:
    """List the replays of a vault, newest first."""
    found = tuple(replays_of(vault, config).list())
    if as_json:
        print_json(PlantReplayList(replays=found))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    for column in ("run", "started", "by", "state", "converter", "segments", "entries"):
        table.add_column(column, justify="right" if column in ("segments", "entries") else "left", no_wrap=True)
    for each in found:
        words = (
            each.run,
            when(each.created_at),
            printable(each.actor),
            each.state.value,
            printable(each.converter_name),
        )
        table.add_row(*words, f"{each.done}/{each.segments}", str(each.entries))
    console.print(table)


def cancel(
    run: RunArgument,
    vault: options.VaultOption = None,
    config: options.VaultConfigOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Cancel a replay, wherever it runs.

    It ends within seconds, and keeps the results that are there.
    """
    replay = replays_of(vault, config).cancel(run)
    if as_json:
        print_json(replay)
    else:
        typer.echo(printable(headline(replay)))
