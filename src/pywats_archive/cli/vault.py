"""``vault``: the bucket or folder that has a copy of each archive."""

from __future__ import annotations

from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import print_json
from pywats_archive.words.text import printable

app = typer.Typer(help="Copy archives to a bucket or a share.", no_args_is_help=True, rich_markup_mode=None)
UrlArgument = Annotated[
    str | None, typer.Argument(metavar="URL", help="s3://, az:// or gs://, or a folder; default: vault_url.")
]


@app.callback()
def _vault() -> None:
    """Copy archives to a bucket or a share."""


@app.command("init")
def init(
    url: UrlArgument = None,
    config: options.ConfigOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Create the vault, once for all stations.

    It prints the least rights that the station needs there. The configuration stays as it is: set vault_url yourself.
    """
    with options.open_station(config) as client:
        made = client.vault.init(url)
    if as_json:
        print_json(made)
        return
    typer.echo(printable(f"{made.url}: {'is a vault now' if made.is_new else 'was a vault already; nothing changed'}"))
    for each in made.rights:
        typer.echo(printable(f"\nRights that the station with archive {each.archive_uuid} needs, and no others:\n"))
        for line in each.document.splitlines():
            typer.echo(printable(line))
