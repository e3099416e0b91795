"""``plant restore``: sources of any station, from the vault."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import console, print_json
from pywats_archive.cli.place import config_of, is_config_named
from pywats_archive.cli.plant.show import ID_HELP
from pywats_archive.cli.plant.words import IndexOption, StationOption, plant_of
from pywats_archive.cli.restore import RestoredSources
from pywats_archive.words.text import printable


def restore(
    archive_ids: Annotated[list[str], typer.Argument(metavar="ID", help=ID_HELP)],
    to: Annotated[
        Path,
        typer.Option(
            "--to", metavar="DIR", help="Target folder; existing files are not replaced.", show_default="here"
        ),
    ] = Path(),
    index: IndexOption = None,
    station: StationOption = None,
    config: options.VaultConfigOption = None,
    as_json: options.JsonOption = False,
) -> int:
    """Restore sources of any station.

    They come from the vault, with their companions, also those that a station purged. Each is checked against its checksum.
    """
    known = config_of(config) if is_config_named(config) else None
    results = plant_of(index).restore(archive_ids, to.absolute(), station=station, config=known)
    failed = tuple(result for result in results if result.error)
    if as_json:
        print_json(RestoredSources(restored=tuple(r for r in results if not r.error), problems=failed))
    else:
        for result in results:
            if result.path:
                console.print(printable(str(result.path)), soft_wrap=True)
            if result.error:
                console.print(printable(result.error), soft_wrap=True, style="red")
    return 1 if failed else 0
