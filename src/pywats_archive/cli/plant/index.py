"""``plant index``: what is new in the vault, added to the index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import print_json, progress_of
from pywats_archive.cli.place import config_beside
from pywats_archive.client.plant.index import Plant
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import counted, printable


def index(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder of the index; created if it is new.")],
    url: options.VaultOption = None,
    config: options.VaultConfigOption = None,
    as_json: options.JsonOption = False,
) -> int:
    """Add what is new in the vault to the index.

    Only the ends of the segments are read. The index can be removed and made again at any time.
    """
    with progress_of("reading segments") as on_progress:
        done = Plant(to).update(url, config=config_beside(url, config), on_progress=on_progress)
    for problem in done.problems:
        typer.echo(printable(problem), err=True)
    if as_json:
        print_json(done)
    else:
        new = f"{counted(done.segments, 'new segment')} of {counted(done.archives, 'archive')}"
        has = f"{counted(done.entries, 'entry', 'entries')}, {human_size(done.size_bytes)}"
        typer.echo(printable(f"{done.index}: {new}; it has {has}"))
    return 1 if done.problems else 0
