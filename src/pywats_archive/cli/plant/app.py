"""``plant``: all stations of a plant, by an index over their vault, and replays over it."""

from __future__ import annotations

import typer

from pywats_archive.cli.plant import index, restore, search, show, stations, stats
from pywats_archive.cli.plant.replay.app import app as replay

app = typer.Typer(help="Search all stations of a plant.", no_args_is_help=True, rich_markup_mode=None)
app.command("index")(index.index)
app.command("search")(search.search)
app.command("show")(show.show)
app.command("restore")(restore.restore)
app.command("stats")(stats.stats)
app.command("stations")(stations.stations)
app.add_typer(replay, name="replay")
