"""``plant replay``: the sources of all stations through one converter, on this computer or on many; always a dry run."""

from __future__ import annotations

import typer

from pywats_archive.cli.plant.replay import show, start, worker

app = typer.Typer(help="Try a converter on all stations.", no_args_is_help=True, rich_markup_mode=None)
app.command("start")(start.start)
app.command("resume")(start.resume)
app.command("show")(show.show)
app.command("list")(show.list_replays)
app.command("cancel")(show.cancel)
app.command("worker")(worker.worker)
