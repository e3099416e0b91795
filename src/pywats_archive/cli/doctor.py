"""``doctor``: tests in each folder whether the guarantees hold there."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from pywats_archive.cli import options
from pywats_archive.cli.output import console, print_json, printable
from pywats_archive.cli.place import place_of
from pywats_archive.client import Client
from pywats_archive.doctor.examination import Examination, Examined
from pywats_archive.doctor.findings import Outcome, Result, Use
from pywats_archive.doctor.verdict import GUARANTEES, Advice, Level
from pywats_archive.portable.volumes import FileSystem

_STYLES = {
    Level.FULL: "green",
    Level.GOOD: "yellow",
    Level.POOR: "red",
    Level.BROKEN: "bold red",
    Result.OK: "green",
    Result.WEAK: "yellow",
    Result.FAILED: "red",
    Result.SKIPPED: "dim",
}


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
    """The weaknesses and what to change, the worst first."""
    tried_in: str | None
    """The folder of the probe; null if there could be none."""
    file_system: FileSystem | None
    """The file system of the folder; null if it is unknown."""
    checks: tuple[Outcome, ...]
    """What was tried or measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """What the folders guarantee."""

    account: str
    """The account of the trials; rights hold for the account that the service runs under."""
    level: Level
    """The guarantee that holds in every folder."""
    warnings: tuple[str, ...]
    """Warnings about doubtful values in the configuration."""
    other_service: str | None
    """A warning about pyWATS' own service on this computer; null if there is none."""
    folders: tuple[ExaminedFolder, ...]
    """One for each folder."""


def doctor(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_json: options.JsonOption = False,
) -> int:
    """Test what each folder guarantees.

    It also shows what to change.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a signal removes the probes before it ends the command
    place = place_of(archive, config)
    examination = Client.doctor(archive=place.path) if place.is_archive else Client.doctor(config=place.path)
    if as_json:
        print_json(_document(examination))
    else:
        _draw(examination)
    is_doubtful = examination.warnings or examination.other_service
    return 0 if examination.level is Level.FULL and not is_doubtful else 1


def _document(examination: Examination) -> Diagnosis:
    return Diagnosis(
        account=examination.account,
        level=examination.level,
        warnings=examination.warnings,
        other_service=examination.other_service,
        folders=tuple(map(_folder, examination.folders)),
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


def _draw(examination: Examination) -> None:
    for folder in examination.folders:
        _draw_folder(folder)
    for warning in examination.warnings:
        console.print(printable(f"configuration: {warning}"), style="yellow", soft_wrap=True)
    if examination.other_service:
        console.print(printable(examination.other_service), style="yellow", soft_wrap=True)
    level = examination.level
    weakest = "everywhere" if level is Level.FULL else "the weakest of these folders"
    console.print(f"{weakest}: {level.value}, {GUARANTEES[level]}", style=_STYLES[level])
    account = printable(examination.account)
    console.print(f"Tried as {account}; rights hold for the account that the service runs under.", style="dim")


def _draw_folder(examined: Examined) -> None:
    findings, verdict = examined.findings, examined.verdict
    uses = "; ".join(map(_use, findings.uses))
    console.print(printable(findings.path), style="bold", soft_wrap=True)
    console.print(printable(uses), style="dim", soft_wrap=True)
    console.print(f"{verdict.level.value}: {verdict.guarantee}", style=_STYLES[verdict.level])
    console.print(_checks(examined))
    for advice in verdict.advice:
        line = f"- {advice.means}. To do: {advice.change}."
        is_remark = advice.level is Level.FULL
        console.print(printable(line), style="dim" if is_remark else _STYLES[advice.level], soft_wrap=True)
    console.print()


def _use(use: Use) -> str:
    return f"{use.role.value} folder of {use.converter}" if use.converter else use.role.value


def _checks(examined: Examined) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("seen", overflow="fold")
    if system := examined.findings.file_system:
        table.add_row("file system", "", printable(f"{system.kind} at {system.mount_point}"))
    for outcome in examined.findings.outcomes:
        result = Text(outcome.result.value, style=_STYLES[outcome.result])
        table.add_row(outcome.check.value, result, printable(outcome.told))
    return table
