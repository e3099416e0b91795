"""``run``: the service of a station."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli.options import default_config
from pywats_archive.cli.output import console, print_json, printable
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.pipeline.service import Service, Settings

_BAD = {ArrivalState.FAILED.value, ArrivalState.REFUSED.value}


def run(
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="pyWATS' configuration.")] = None,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Try everything that waits at once; end when nothing waits.")
    ] = False,
    processes: Annotated[int, typer.Option(min=0, max=64, help="Converter processes; 0 is one per core.")] = 0,
    repair: Annotated[
        bool, typer.Option("--repair", help="Rebuild a damaged or missing metadata.db; the old one is kept beside it.")
    ] = False,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT", help="Answer Prometheus there; for this computer alone unless a host is named."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="At the end, one JSON document on stdout.")] = False,
) -> int:
    """Watch, archive, convert, submit; until stopped (Ctrl-C), or until nothing waits."""
    path = config or default_config()
    settings = Settings(config_path=path, processes=processes, until_idle=until_idle, repair=repair, metrics=metrics)
    service = Service(settings)
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: service.stop())
    left = service.run()
    if as_json:
        print_json(left)
    else:
        for line in left.waiting:
            console.print(printable(line), soft_wrap=True)
        ended = ", ".join(f"{count} {state}" for state, count in left.ended.items())
        console.print(f"Sources: {ended or 'none ended'}.")
    has_failed = until_idle and not _BAD.isdisjoint(left.ended)
    return 1 if left.waiting or has_failed else 0
