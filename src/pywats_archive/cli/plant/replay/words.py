"""Options that the verbs of ``plant replay`` share, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pywats_archive.cli.output import print_json
from pywats_archive.cli.place import config_beside
from pywats_archive.cli.plant.replay.drawing import draw, exit_code
from pywats_archive.client.plant import replays
from pywats_archive.errors import UsageError
from pywats_archive.models.plant.replay import PlantReplayResult

if TYPE_CHECKING:
    from pywats_archive.plant.replaying.engines.scheduler import Scheduler
    from pywats_archive.plant.replaying.replays import PlantReplays

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Name of the replay, as 'plant replay list' shows it.")]
CaOption = Annotated[
    Path | None, typer.Option("--tls-ca-file", metavar="FILE", help="The authority of all certificates.")
]
CertificateOption = Annotated[
    Path | None, typer.Option("--tls-certificate", metavar="FILE", help="Own certificate (PEM).")
]
KeyOption = Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Key of the own certificate (PEM).")]
UnprotectedOption = Annotated[
    bool,
    typer.Option(
        "--unprotected-network",
        help="Allow tcp:// to other computers: anyone in that network can run code on the workers.",
    ),
]


def replays_of(vault: str | None, config: Path | None) -> PlantReplays:
    """Return the replays of the vault that is named, or of the configuration's."""
    return replays.replays_of(vault, config=config_beside(vault, config))


def scheduler_of(
    address: str | None, ca_file: Path | None, certificate: Path | None, key: Path | None, is_unprotected: bool
) -> Scheduler | None:
    """Return the scheduler that the options name; None without one, for this computer's cores."""
    from pywats_archive.plant.replaying.engines.scheduler import Scheduler  # noqa: PLC0415 (slow to import)

    if address is None:
        if ca_file or certificate or key or is_unprotected:
            raise UsageError(
                "--tls-ca-file, --tls-certificate, --tls-key, --unprotected-network: only with --scheduler"
            )
        return None
    return Scheduler(address=address, ca_file=ca_file, certificate=certificate, key=key, is_unprotected=is_unprotected)


def report(done: PlantReplayResult, *, as_json: bool) -> int:
    """Print what a replay found so far, and return the exit code."""
    if as_json:
        print_json(done)
    else:
        draw(done)
    return exit_code(done)
