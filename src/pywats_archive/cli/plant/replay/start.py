"""``plant replay start`` and ``resume``: the sources of all stations through one converter."""

from __future__ import annotations

from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import progress_of
from pywats_archive.cli.plant.replay.drawing import headline
from pywats_archive.cli.plant.replay.words import (
    CaOption,
    CertificateOption,
    KeyOption,
    RunArgument,
    UnprotectedOption,
    replays_of,
    report,
    scheduler_of,
)
from pywats_archive.models.plant.replay import PlantReplay
from pywats_archive.portable.processes import lower_priority
from pywats_archive.words.text import printable

SchedulerOption = Annotated[
    str | None, typer.Option(metavar="URL", help="Scheduler of Dask, tls://HOST:8786; default: this computer's cores.")
]
ProcessesOption = Annotated[
    int, typer.Option(min=0, max=256, help="Without a scheduler: number of converter processes; 0 is one per core.")
]


def start(
    converter: Annotated[str, typer.Option("--converter", metavar="NAME", help="Sources of this converter.")],
    vault: options.VaultOption = None,
    config: options.VaultConfigOption = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Archived on or after; or 12h, 2d, 3w ago.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Archived on or before, all of that day.")
    ] = None,
    converter_file: Annotated[
        str | None,
        typer.Option(metavar="FILE[:CLASS]", help="Try this converter file; default: the code that converted last."),
    ] = None,
    scheduler: SchedulerOption = None,
    tls_ca_file: CaOption = None,
    tls_certificate: CertificateOption = None,
    tls_key: KeyOption = None,
    unprotected_network: UnprotectedOption = False,
    processes: ProcessesOption = 0,
    as_json: options.JsonOption = False,
) -> int:
    """Replay sources of all stations.

    It shows what would change. Nothing is recorded at the stations, and nothing is sent.
    """
    on = scheduler_of(scheduler, tls_ca_file, tls_certificate, tls_key, unprotected_network)
    replays = replays_of(vault, config)
    lower_priority()
    with progress_of("replaying entries") as on_progress:
        done = replays.start(
            converter,
            from_date=options.parse_start(from_),
            to_date=options.parse_day(to, "--to"),
            converter_file=converter_file,
            on_planned=_say_planned,
            scheduler=on,
            processes=processes,
            on_progress=on_progress,
        )
    return report(done, as_json=as_json)


def resume(
    run: RunArgument,
    vault: options.VaultOption = None,
    config: options.VaultConfigOption = None,
    scheduler: SchedulerOption = None,
    tls_ca_file: CaOption = None,
    tls_certificate: CertificateOption = None,
    tls_key: KeyOption = None,
    unprotected_network: UnprotectedOption = False,
    processes: ProcessesOption = 0,
    as_json: options.JsonOption = False,
) -> int:
    """Replay the segments that have no result yet.

    It runs the code that the plan names: whoever may write to the folder replays of the vault decides what that is.
    """
    on = scheduler_of(scheduler, tls_ca_file, tls_certificate, tls_key, unprotected_network)
    replays = replays_of(vault, config)
    lower_priority()
    with progress_of("replaying entries") as on_progress:
        done = replays.resume(run, scheduler=on, processes=processes, on_progress=on_progress)
    return report(done, as_json=as_json)


def _say_planned(replay: PlantReplay) -> None:
    """Say how a replay is resumed before it begins: it may take hours."""
    typer.echo(
        printable(f"{headline(replay)}; if it is stopped: pywats-archive plant replay resume {replay.run}"), err=True
    )
