"""``doctor``: tests in each folder whether the guarantees hold there, and checks what else the station needs."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Annotated

import typer

from pywats_archive.cli import doctor_report, options
from pywats_archive.cli.output import print_json
from pywats_archive.cli.place import Place, announcement, default_config, place_of
from pywats_archive.client import Client
from pywats_archive.doctor.examination import Examination, Examined
from pywats_archive.doctor.findings import Outcome, Use
from pywats_archive.doctor.station.checks import StationCheck
from pywats_archive.doctor.verdict import Advice, Level
from pywats_archive.portable.volumes import FileSystem


@dataclass(frozen=True, kw_only=True, slots=True)
class ExaminedFolder:
    """One folder and its guarantee."""

    path: str
    """The folder."""
    uses: tuple[Use, ...]
    """Who uses the folder, and for what."""
    level: Level
    """The guarantee that holds in the folder."""
    guarantee: str
    """The level in words."""
    advice: tuple[Advice, ...]
    """The weaknesses and what to change, the worst first; remarks that weaken nothing have the level ``full``."""
    tried_in: str | None
    """The folder of the probe; null if there could be none."""
    file_system: FileSystem | None
    """The file system of the folder; null if it is unknown."""
    checks: tuple[Outcome, ...]
    """What was tried or measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """What the folders guarantee, and the checks of everything else."""

    account: str
    """The account of the trials; rights hold for the account that the service runs under."""
    healthy: bool
    """Whether every folder is ``full`` and no check found anything; then the exit code is 0."""
    level: Level
    """The guarantee that holds in every folder."""
    warnings: tuple[str, ...]
    """Doubtful values in the configuration, and secrets that other accounts may read; all are in ``checks`` too."""
    other_service: str | None
    """A warning about pyWATS' own service on this computer, also in ``checks``; null if there is none."""
    folders: tuple[ExaminedFolder, ...]
    """One for each folder."""
    checks: tuple[StationCheck, ...]
    """The checks of converters, server, clock, archives, disk space, rights, versions and services."""


def doctor(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the network and slow trials.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show each check of each folder.")] = False,
    as_json: options.JsonOption = False,
) -> int:
    """Check the whole station.

    Folders, converters, server, clock, rights and disk space are checked. It also shows what to change.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a signal removes the probes before it ends the command
    announcement.is_wanted = verbose
    place = place_of(archive, config)
    if place.is_archive:
        examination = Client.doctor(archive=place.path, quick=quick)
    else:
        examination = Client.doctor(config=place.path, quick=quick)
    if as_json:
        print_json(_document(examination))
    else:
        doctor_report.draw(examination, verbose=verbose, quick=quick, named=_options_for(place))
    return 0 if examination.is_healthy else 1


def _options_for(place: Place) -> str:
    """Return the options that name the same place for every verb, from every folder."""
    if place.path == default_config():
        return ""
    return f" {'--archive' if place.is_archive else '--config'} {options.quoted(place.path)}"


def _document(examination: Examination) -> Diagnosis:
    return Diagnosis(
        account=examination.account,
        healthy=examination.is_healthy,
        level=examination.level,
        warnings=examination.warnings,
        other_service=examination.other_service,
        folders=tuple(map(_folder, examination.folders)),
        checks=examination.checks,
    )


def _folder(examined: Examined) -> ExaminedFolder:
    findings, verdict = examined.findings, examined.verdict
    return ExaminedFolder(
        path=findings.path,
        uses=findings.uses,
        level=verdict.level,
        guarantee=verdict.guarantee,
        advice=verdict.advice,
        tried_in=findings.tried_in,
        file_system=findings.file_system,
        checks=findings.outcomes,
    )
