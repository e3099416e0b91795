"""``anchor``: the newest event of each archive, signed, as a line for a mail or for paper."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from getpass import getpass

import typer

from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.output import print_json
from pywats_archive.cli.place import chosen_archive, config_of
from pywats_archive.models.operation.integrity import Anchored
from pywats_archive.portable.user import current_user
from pywats_archive.words.text import printable


@dataclass(frozen=True, kw_only=True, slots=True)
class AnchorList:
    """The anchors that were made."""

    anchors: tuple[Anchored, ...]
    """One for each archive."""


def anchor(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_owner: AsOwnerOption = False,
    as_json: options.JsonOption = False,
) -> int:
    """Sign the newest event, as a line to keep.

    Kept elsewhere (mail, paper), it shows 'verify' later that no event up to it was changed. anchor_folders get it too.
    """
    archive = chosen_archive(archive, config)
    write_as(archive, config_of(config), as_owner=as_owner)
    with options.open_station(config) as client:
        made = client.anchor(archive, actor=current_user(), ask_passphrase=_ask)
    if as_json:
        print_json(AnchorList(anchors=made))
    else:
        for each in made:
            typer.echo(each.line)
            for failure in each.failures:
                typer.echo(printable(failure), err=True)
    return 1 if any(each.failures for each in made) else 0


def _ask() -> str | None:
    """Ask for the passphrase of the key; None without a terminal."""
    return getpass("Passphrase of the signing key: ") if sys.stdin.isatty() else None
