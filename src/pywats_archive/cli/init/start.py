"""``init``: sets up a station: asks, tries the answers, shows what changes, and writes it after one last question."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.archive.folder.account import owner_of
from pywats_archive.cli import doctor_report, options
from pywats_archive.cli.init import given as reading
from pywats_archive.cli.init.asking import Asking, draw_consequences
from pywats_archive.cli.init.ending import end, warn
from pywats_archive.cli.init.given import Given
from pywats_archive.cli.init.known import Known, known_of, without_known
from pywats_archive.cli.output import console
from pywats_archive.cli.place import future_config_of
from pywats_archive.client.settings.setup import StationSetup
from pywats_archive.config import StationConfig
from pywats_archive.doctor.examination import Examination
from pywats_archive.doctor.station.checks import CheckLevel, Topic
from pywats_archive.doctor.verdict import Level
from pywats_archive.errors import ArchiveError, UsageError
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.writing.setup import PlannedSetup
from pywats_archive.models.settings.setup import NewConverter, SavedSetup, SetupAnswers
from pywats_archive.portable.files import WINDOWS
from pywats_archive.words.text import printable


def init(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="pyWATS' configuration; need not exist yet.")
    ] = None,
    server: Annotated[str | None, typer.Option("--server", metavar="URL", help="Address of the WATS server.")] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", help="File with the server's token.")
    ] = None,
    converter: Annotated[
        list[str] | None,
        typer.Option("--converter", metavar="NAME=CLASS[:FOLDER]", help="A converter, its name and its watch folder."),
    ] = None,
    archive_folder: Annotated[
        Path | None, typer.Option("--archive-folder", metavar="DIR", help="The archive; default: beside FILE.")
    ] = None,
    anchor_folder: Annotated[
        list[Path] | None,
        typer.Option("--anchor-folder", metavar="DIR", help="Also sign the history into this folder on another disk."),
    ] = None,
    retention_days: Annotated[
        int | None, typer.Option("--retention-days", min=1, max=36_500, help="Days that entries are kept; default: 90.")
    ] = None,
    max_size_gb: Annotated[
        float | None, typer.Option("--max-size-gb", min=0.001, help="Size limit for each converter; default: 10.")
    ] = None,
    reports: Annotated[
        bool | None, typer.Option("--reports/--no-reports", help="Keep reports too; default: yes.")
    ] = None,
    post_action: Annotated[
        str | None,
        typer.Option("--post-action", metavar="ACTION", help="move (default), delete, zip, keep or archive."),
    ] = None,
    converters_folder: Annotated[
        Path | None, typer.Option("--converters-folder", metavar="DIR", help="Folder of your own .py files.")
    ] = None,
    station_name: Annotated[
        str | None, typer.Option("--station-name", metavar="NAME", help="Default: this computer's name.")
    ] = None,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Encrypt new archives; prints a recovery key, once.")
    ] = False,
    key_store: Annotated[
        bool,
        typer.Option("--key-store", help="Protect the signing key by a passphrase in the system's key store."),
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the server now.")] = False,
    yes: options.YesOption = False,
    as_json: options.JsonOption = False,
) -> int:
    """Set up a station, question by question.

    It tries each answer, shows what changes, and writes pyWATS' configuration. An option answers its question.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a signal removes the probes before it ends the command
    setup = StationSetup(future_config_of(config))
    _require_own_folder(setup.config)
    given = Given(
        server=reading.server_of(server),
        token=reading.token_of(token_file),
        station_name=station_name or "",
        converters_folder=Path(reading.folder_of(converters_folder)) if converters_folder else None,
        archive_folder=archive_folder,
        anchor_folders=reading.existing_folders_of(anchor_folder or []),
        converters=reading.named_converters(converter or []),
        retention_days=retention_days,
        max_size_gb=max_size_gb,
        reports=reports,
        post_action=reading.action_of(post_action) if post_action else None,
        encrypt=encrypt,
        in_key_store=key_store,
        is_offline=offline,
    )
    console.quiet = as_json
    try:
        return _set_up(setup, given, yes=yes, as_json=as_json)
    finally:
        console.quiet = False


def _set_up(setup: StationSetup, given: Given, *, yes: bool, as_json: bool) -> int:
    present = read_station_config(setup.config) if setup.is_there else None
    if given.in_key_store:
        setup.require_key_store()
    known = known_of(present)
    given = without_known(given, known)
    if yes or not sys.stdin.isatty():
        _require_answers(given, known, present)
        if not yes:
            raise UsageError("cannot ask (no terminal); add --yes to write without a question")
    console.print(printable(f"Configuration: {setup.config} ({'exists' if present else 'new'})"), soft_wrap=True)
    if present:
        _draw_present(present)
    answers = _given_answers(setup, given) if yes else Asking(setup, given, known, present).answers()
    planned = setup.plan(answers)
    setup.require_encrypted(planned)
    if planned.plan.is_empty and not planned.plan.folders:
        nothing = SavedSetup(former=None, folders=())
        return end(
            planned, nothing, None, setup, encrypt=given.encrypt, in_key_store=given.in_key_store, as_json=as_json
        )
    examination = setup.examine(planned, is_offline=given.is_offline)
    _draw_plan(planned, examination, is_asked=not yes)
    if yes:
        _require_sound(examination)
    options.confirm(f"Write {setup.config}", yes=yes)
    saved = setup.save(planned)
    if saved.shared:
        warn(f"other accounts may read the token in {setup.config} ({saved.shared})")
    return end(
        planned, saved, examination, setup, encrypt=given.encrypt, in_key_store=given.in_key_store, as_json=as_json
    )


def _require_own_folder(config: Path) -> None:
    """Raise UsageError for root in the folder of another account: the service of that account could not read the file."""
    if WINDOWS or os.geteuid() != 0:
        return
    owner = owner_of(config.parent)
    if owner.uid != 0:
        raise UsageError(
            f"{config.parent}: belongs to the account '{owner.sudo_name}', which could not use what root writes; "
            f"use 'sudo -u {owner.sudo_name} pywats-archive init'"
        )


def _require_answers(given: Given, known: Known, present: StationConfig | None) -> None:
    """Raise UsageError that names the first option that is missing."""
    if not given.server and not known.has_address:
        raise UsageError("the server is missing; add --server URL")
    if not given.token and not known.has_token:
        raise UsageError(f"the token is missing; add --token-file FILE, or set {reading.TOKEN_VARIABLE}")
    if not given.converters and not (present and present.converters):
        raise UsageError("a converter is missing; add --converter NAME=CLASS, such as --converter ICT=SPEAConverter")


def _given_answers(setup: StationSetup, given: Given) -> SetupAnswers:
    """Return the answers that the options give; the kind of each converter is that of its code."""
    answers = SetupAnswers(
        service_address=given.server,
        api_token=given.token,
        station_name=given.station_name,
        converters_folder=str(given.converters_folder or ""),
        anchor_folders=given.anchor_folders,
    )
    choices = setup.choices(given.converters_folder) if given.converters else ()
    for each in given.converters:
        made = NewConverter(
            name=each.name,
            module_path=reading.chosen(each.converter, choices).module_path,
            watch_folder=reading.folder_of(each.folder) if each.folder else f"{each.name}/watch",
            **given.options(),
        )
        described = setup.describe(setup.plan(replace(answers, converters=(*answers.converters, made))), made.name)
        if isinstance(described, str):
            raise ArchiveError(f"converter '{made.name}': {described}; nothing was written")
        kind = described.info.kind if described.info.kind != "legacy" else "file"
        made = replace(made, converter_type=kind, watch_folder="" if kind == "scheduled" else made.watch_folder)
        answers = replace(answers, converters=(*answers.converters, made))
    return answers


def _require_sound(examination: Examination) -> None:
    """Raise ArchiveError if the station could not work; nobody is there to decide otherwise."""
    for check in examination.checks:
        if check.level is CheckLevel.FAILED:
            hint = "; to go on without it, add --offline" if check.topic is Topic.SERVER else ""
            raise ArchiveError(f"{check.subject or check.topic.value}: {check.seen}; nothing was written{hint}")
    for folder in examination.folders:
        if folder.verdict.level is Level.BROKEN:
            reason = folder.verdict.advice[0].means
            raise ArchiveError(f"{folder.findings.path}: {reason}; nothing was written")


def _draw_present(station: StationConfig) -> None:
    for each in station.converters:
        archived = f"archived in {station.archive_root(each)}" if each.archive_enabled else "not archived"
        console.print(printable(f"  {each.name}: {each.module_path}, {archived}; stays as it is"), soft_wrap=True)


def _draw_plan(planned: PlannedSetup, examination: Examination, *, is_asked: bool) -> None:
    if not is_asked:
        for config in filter(None, map(planned.station.converter, planned.plan.added)):
            console.print(printable(f"{config.name}:"))
            draw_consequences(config)
    console.print()
    doctor_report.draw_findings(examination)
    console.print(printable(f"Changes of {planned.plan.path}"), style="bold", soft_wrap=True)
    for line in planned.plan.lines:
        style = {"+": "green", "-": "red"}.get(line[:1], "dim")
        console.print(f"  {printable(line)}", style=style, soft_wrap=True)
    for folder in planned.plan.folders:
        console.print(printable(f"  creates the folder {folder}"), soft_wrap=True)
    console.print()
