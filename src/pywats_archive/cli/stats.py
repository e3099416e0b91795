"""``stats``: the figures of an archive, its growth, and its open alerts."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from pywats_archive.cli import options
from pywats_archive.cli.open_alerts import print_alerts
from pywats_archive.cli.output import console, facts, print_json
from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import printable
from pywats_archive.words.times import when

_LONG_DAYS = 3650


def stats(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    converter: options.ConverterOption = None,
    by_day: Annotated[
        int, typer.Option("--by-day", metavar="N", min=0, help="The last N days on which files arrived.")
    ] = 0,
    as_json: options.JsonOption = False,
) -> None:
    """Show sizes, outcomes and growth.

    Open alerts are shown too.
    """
    with options.open_client(archive, config) as client:
        figures = client.statistics(client.converter_named(converter) if converter else None)
    if as_json:
        print_json(figures)
        return
    console.print(facts(_facts(figures)))
    if figures.by_converter:
        console.print(_converters(figures))
    if by_day:
        console.print(_days(figures, by_day))
    print_alerts(figures.alerts)


def _facts(figures: ArchiveStatistics) -> list[tuple[str, str]]:
    statuses = ", ".join(f"{number} {status}" for status, number in figures.by_status.items()) or "none"
    compressed = human_size(figures.compressed_size_bytes)
    reports = f"{figures.report_count}: {human_size(figures.report_size_bytes)}"
    return [
        ("entries", f"{figures.total_entries}: {statuses}"),
        ("with warnings", str(figures.warned_entries)),
        ("sources", f"{human_size(figures.source_size_bytes)}, compressed {compressed}"),
        ("reports", f"{reports}, compressed {human_size(figures.report_compressed_size_bytes)}"),
        ("compression", f"{figures.compression_ratio:g} to 1" if figures.compression_ratio else "-"),
        ("on disk", _on_disk(figures)),
        ("came in a day", _growth(figures)),
        ("purged", f"{figures.purged_entries} entries, {human_size(figures.purged_size_bytes)}"),
        ("room", _room(figures)),
        ("waiting for the server", str(figures.waiting_reports)),
        ("refused by the server", str(figures.refused_reports)),
        ("oldest, newest", f"{when(figures.oldest_entry)}, {when(figures.newest_entry)}"),
        ("read back since", when(figures.oldest_check)),
        ("open findings", str(figures.open_findings)),
        ("catalog", human_size(figures.catalog_size_bytes)),
    ]


def _on_disk(figures: ArchiveStatistics) -> str:
    size = human_size(figures.disk_size_bytes)
    if figures.max_size_bytes is None:
        return size
    share = 100 * figures.disk_size_bytes / figures.max_size_bytes
    size += f" of {human_size(figures.max_size_bytes)} ({share:.0f} %)"
    return size + (f", reached {_in(figures.days_until_limit)}" if figures.days_until_limit is not None else "")


def _growth(figures: ArchiveStatistics) -> str:
    windows = ", ".join(
        f"{human_size(size)} over {days} day{'s'[: days != '1']}" for days, size in figures.bytes_per_day.items()
    )
    sign = "-" if figures.net_bytes_per_day < 0 else ""
    return f"{windows}; less what was purged {sign}{human_size(abs(figures.net_bytes_per_day))}"


def _room(figures: ArchiveStatistics) -> str:
    if figures.disk_free_bytes is None:
        return "-"
    full = f", full {_in(figures.days_until_disk_full)}" if figures.days_until_disk_full is not None else ""
    return f"{human_size(figures.disk_free_bytes)} free on the disk{full}"


def _in(days: float | None) -> str:
    if not days:
        return "now"
    return f"in {days:g} days" if days < _LONG_DAYS else "in more than 10 years"


def _converters(figures: ArchiveStatistics) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("converter", "entries", "failed", "on disk", "of", "ratio", "a day", "oldest"):
        table.add_column(column, justify="left" if column in ("converter", "oldest") else "right", overflow="fold")
    for each in figures.by_converter:
        limit = human_size(each.max_size_bytes) if each.max_size_bytes is not None else "-"
        table.add_row(
            printable(each.converter_name or ""),
            str(each.total_entries),
            str(each.failed_entries),
            human_size(each.disk_size_bytes),
            limit,
            f"{each.compression_ratio:g}",
            human_size(each.bytes_per_day.get("7", 0)),
            when(each.oldest_entry),
        )
    return table


def _days(figures: ArchiveStatistics, last: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("day (UTC)", "came in", "failed", "purged since", "sources", "on disk"):
        table.add_column(column, justify="right")
    for day in figures.by_day[-last:]:
        numbers = (str(number) for number in (day.entries, day.failed, day.purged))
        table.add_row(day.day.isoformat(), *numbers, human_size(day.source_size_bytes), human_size(day.disk_size_bytes))
    return table
