"""``hold``: entries that no purge may touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.output import console, print_json
from pywats_archive.models.retention.purge import Hold
from pywats_archive.portable.user import current_actor
from pywats_archive.words.text import printable
from pywats_archive.words.times import when

app = typer.Typer(help="Keep entries from every purge.", no_args_is_help=True, rich_markup_mode=None)
IdsArgument = Annotated[list[str], typer.Argument(metavar="ID", help=options.ID_HELP)]


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldEntries:
    """The entries that are held from now on."""

    held: tuple[str, ...]
    """Their archive ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasedEntries:
    """The entries that are no longer held."""

    released: tuple[str, ...]
    """Their archive ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldList:
    """The holds of all archives."""

    holds: tuple[Hold, ...]
    """One for each held entry."""


@app.command("add")
def add(
    archive_ids: IdsArgument,
    reason: Annotated[str, typer.Option(help="The reason; it is recorded in the history.")],
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_owner: AsOwnerOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Hold entries until they are released."""
    write_as(archive, config, as_owner=as_owner)
    with options.open_client(archive, config) as client:
        ids = options.chosen(client, archive_ids)
        client.retention.hold(ids, reason, actor=current_actor())
    if as_json:
        print_json(HeldEntries(held=tuple(ids)))
    else:
        console.print(f"{len(ids)} held")


@app.command("release")
def release(
    archive_ids: IdsArgument,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_owner: AsOwnerOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Release entries: their policies apply again."""
    write_as(archive, config, as_owner=as_owner)
    with options.open_client(archive, config) as client:
        ids = options.chosen(client, archive_ids)
        client.retention.release(ids, actor=current_actor())
    if as_json:
        print_json(ReleasedEntries(released=tuple(ids)))
    else:
        console.print(f"{len(ids)} released")


@app.command("list")
def list_holds(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """List held entries, with who, when and why."""
    with options.open_client(archive, config) as client:
        holds = client.retention.holds()
    if as_json:
        print_json(HoldList(holds=holds))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("entry", "converter", "since", "by", "why"):
        table.add_column(column, no_wrap=column == "entry", overflow="fold")
    for hold in holds:
        cells = (hold.archive_id, hold.converter_name, when(hold.held_at), hold.held_by, hold.hold_reason)
        table.add_row(*map(printable, cells))
    console.print(table)
