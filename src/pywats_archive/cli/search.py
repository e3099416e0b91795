"""``search``: entries by words of errors, file names, serial and part numbers."""

from __future__ import annotations

from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.list_ import print_page
from pywats_archive.models.query import EntryFilter


def search(
    text: Annotated[list[str], typer.Argument(metavar="WORD...", help="Words or beginnings of words; all must occur.")],
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    limit: options.LimitOption = 100,
    offset: options.OffsetOption = 0,
    as_json: options.JsonOption = False,
) -> None:
    """Search errors, warnings, file names, serial and part numbers."""
    with options.open_client(archive, config) as client:
        print_page(
            client.find(EntryFilter(text=" ".join(text)), limit=limit, offset=offset), offset=offset, as_json=as_json
        )
