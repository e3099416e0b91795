"""``plan``: how much disk space an archive will need."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import console, facts, print_json
from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.capacity import MEASURED, Capacity, Load, capacity
from pywats_archive.words.sizes import human_size

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedSpace:
    """An estimate of disk space."""

    load: Load
    """The files that are to be archived."""
    capacity: Capacity
    """The disk space that they need."""


def plan(
    files_per_day: Annotated[float, typer.Option(help="Files per day, per converter.")],
    size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Size of a file, such as 10KB; default: the sample's mean.")
    ] = None,
    converters: Annotated[int, typer.Option(help="Number of converters.")] = 1,
    days: Annotated[float, typer.Option(help="Days that entries are kept.")] = 90,
    reports: Annotated[bool, typer.Option("--reports/--no-reports", help="Keep reports too.")] = True,
    sample: Annotated[Path | None, typer.Option(metavar="DIR", help="Measure by compressing your own files.")] = None,
    level: Annotated[int, typer.Option(min=1, max=9, help="Compression level for the sample.")] = 6,
    as_json: options.JsonOption = False,
) -> None:
    """Estimate the disk space an archive needs.

    The estimate is made from measured ratios or from your own files.
    """
    ratios, mean = Client.measure(sample, level=level) if sample else (MEASURED, None)
    if size is None and mean is None:
        raise UsageError("plan: the size of a file is missing; add --size, such as 10KB, or --sample DIR")
    bytes_each = _bytes(size) if size is not None else float(mean or 0)
    load = Load(files_per_day=files_per_day, file_size_bytes=bytes_each, converters=converters, days=days)
    try:
        needed = capacity(load, ratios if reports else replace(ratios, report_share=0.0))
    except ValueError as exc:
        raise UsageError(f"plan: {exc}") from exc
    if as_json:
        print_json(PlannedSpace(load=load, capacity=needed))
    else:
        console.print(facts(_facts(load, needed)))


def _facts(load: Load, needed: Capacity) -> list[tuple[str, str]]:
    each = human_size(round(load.file_size_bytes))
    return [
        (
            "files",
            f"{needed.files:,} of {each}: {load.converters} x {load.files_per_day:g} a day, for {load.days:g} days",
        ),
        ("uncompressed", human_size(needed.uncompressed_bytes)),
        ("compressed", f"{human_size(needed.compressed_bytes)} ({needed.ratios.source_ratio:.3g} to 1)"),
        ("sources on disk", f"{human_size(needed.source_disk_bytes)}, with headers, in blocks of 4096 bytes"),
        ("reports on disk", human_size(needed.report_disk_bytes)),
        ("catalog", human_size(needed.catalog_bytes)),
        ("in all", f"{human_size(needed.total_bytes)}, {human_size(needed.bytes_per_day)} a day"),
        ("a size limit", f"--max-size-gb {needed.max_size_gb:g} for each converter leaves a fifth to spare"),
        ("measured on", needed.ratios.measured_on),
    ]


def _bytes(text: str) -> float:
    """Read a size; 1 KB is 1000 bytes, as everywhere here."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise UsageError(f"invalid --size '{text}'; use bytes, or 10KB, 2.5MB, 1GB")
    return float(found[1]) * _UNITS[found[2].lower()]
