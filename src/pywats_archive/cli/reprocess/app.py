"""``reprocess``: archived sources through today's converters, and what changes before anything is sent."""

from __future__ import annotations

import typer

from pywats_archive.cli.reprocess import diff, show, start, undo

app = typer.Typer(
    help="Replay sources, compare, send the reports.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("start")(start.start)
app.command("resume")(start.resume)
app.command("list")(show.list_runs)
app.command("show")(show.show)
app.command("diff")(diff.diff)
app.command("cancel")(undo.cancel)
app.command("rollback")(undo.rollback)
