"""``demo``: a simulated station on this computer."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pywats_archive.cli import entries_table, options
from pywats_archive.cli.output import console, facts, print_json
from pywats_archive.cli.web import serve_pages
from pywats_archive.cli.web_place import require_pages
from pywats_archive.client import Client
from pywats_archive.demo.station import DemoResult, run_demo
from pywats_archive.errors import UsageError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import printable

_SHOWN = 10
_KINDS: tuple[Callable[[ArchiveEntry], Hashable], ...] = (
    lambda entry: entry.conversion_status,
    lambda entry: entry.converter_name,
    lambda entry: entry.archive_id,
)


def demo(
    dir_: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Use your own files instead of generated ones.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Folder of the demo; default: a new temporary folder.")
    ] = None,
    count: Annotated[int, typer.Option(min=20, max=5000, help="Number of files to generate.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the generated files.")] = 1,
    web: Annotated[bool, typer.Option("--web", help="Leave the station running with its web pages.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout, nothing else.")] = False,
) -> int:
    """Try it out: run a simulated station once.

    The WATS server is also simulated, on this computer. At the end, the result is checked.
    """
    if web and as_json:
        raise UsageError("--web and --json: use one of them, not both")
    if web:
        require_pages()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    console.quiet = as_json
    console.print("A station in a box: real converters, generated log files, and a simulated WATS server")
    console.print("on this machine's loopback, which checks the fields that WATS requires.\n")
    with Progress(
        TextColumn("archived, converted, submitted"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("", total=None)
        result = run_demo(
            folder=to,
            own_files=dir_,
            count=count,
            seed=seed,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            afterwards=(lambda result: _show_pages(result, progress)) if web else None,
        )
    console.quiet = False
    if as_json:
        print_json(result)
    elif not web:
        _draw(result)
    return 1 if result.problems else 0


def _show_pages(result: DemoResult, progress: Progress) -> None:
    progress.stop()
    _draw(result)
    console.print(
        "\nThe station runs until Ctrl-C: drop a file into a watch folder, and look at it in the web pages.",
        style="bold",
    )
    with Client.from_config(result.folder / "config.json") as client:
        serve_pages(client, result.folder, port=0)


def _draw(result: DemoResult) -> None:
    shown = one_of_each(result.entries, _SHOWN)
    entries_table.draw(shown)
    console.print(f"{len(shown)} of {len(result.entries)} entries: one of each status and converter", style="dim")
    console.print()
    figures = result.statistics
    statuses = ", ".join(f"{number} {status}" for status, number in figures.by_status.items())
    console.print(
        facts(
            [
                ("dropped", f"{result.dropped} sources in {result.duration_s:.1f} s"),
                ("archived", f"{figures.total_entries} entries: {statuses}"),
                (
                    "size",
                    f"{human_size(figures.source_size_bytes)} of sources, {human_size(figures.compressed_size_bytes)} on disk",
                ),
                (
                    "submitted",
                    f"{result.accepted} reports accepted, {result.refused} refused, {result.waiting} waiting",
                ),
                (
                    "checked",
                    "; ".join(result.problems)
                    or "every dropped file is in the archive bit for bit, every report at the server",
                ),
                ("everything lies in", str(result.folder)),
            ]
        )
    )
    _suggest(result)


def one_of_each(entries: Sequence[ArchiveEntry], limit: int) -> list[ArchiveEntry]:
    """Return at most ``limit`` entries, in their order: one of each status, then one of each converter, then others."""
    chosen: dict[str, ArchiveEntry] = {}
    for kind in _KINDS:
        seen = {kind(each) for each in chosen.values()}
        for entry in entries:
            if len(chosen) < limit and kind(entry) not in seen:
                seen.add(kind(entry))
                chosen[entry.archive_id] = entry
    return [entry for entry in entries if entry.archive_id in chosen]


def _suggest(result: DemoResult) -> None:
    archive = f"--archive {options.quoted(result.folder / 'archive')}"
    shown = next((e for e in result.entries if e.report_count), result.entries[0])
    is_path = os.sep in sys.argv[0] and not sys.argv[0].endswith(".py")
    called = options.quoted(Path(sys.argv[0])) if is_path else "pywats-archive"
    console.print("\nTry next:", style="bold")
    for line in (
        f"{called} list --limit {max(len(result.entries), 1)} {archive}",
        f"{called} status {archive}",
        f"{called} list --status failed {archive}",
        f"{called} search limits {archive}",
        f"{called} show {shown.archive_id} {archive}",
        f"{called} restore {shown.archive_id} --to restored {archive}",
        f"{called} verify {archive}",
        f"{called} doctor --quick --config {options.quoted(result.folder / 'config.json')}",
    ):
        console.print(f"  {printable(line)}", soft_wrap=True)
