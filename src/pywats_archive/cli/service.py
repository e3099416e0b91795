"""``service``: the service that starts with the machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.options import WebOption
from pywats_archive.cli.output import console, print_json
from pywats_archive.cli.place import service_config_of
from pywats_archive.cli.web_place import require_pages
from pywats_archive.host.own_service import own_service
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.pipeline.background.pages import web_address
from pywats_archive.portable.files import WINDOWS
from pywats_archive.system_service.accounts import account_of, needs_password
from pywats_archive.system_service.control import SystemServiceStatus
from pywats_archive.system_service.instance import service_name
from pywats_archive.system_service.station import control, next_step, order, warnings_for
from pywats_archive.words.text import printable

app = typer.Typer(
    help="Start the service with the machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
InstanceOption = Annotated[
    str | None, typer.Option("--instance", metavar="NAME", help="One of several services on this computer.")
]


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledService:
    """What was installed, or with ``--print`` would be."""

    name: str
    """Name of the service."""
    account: str
    """The account that the service runs as."""
    place: str | None
    """Where the service is installed; null with ``--print``."""
    text: str | None
    """With ``--print``: the unit, or for Windows the PowerShell script; otherwise null."""
    warnings: tuple[str, ...]
    """Problems that the service would have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceDocument:
    """The service that starts with the machine, as the service manager has it now."""

    service: SystemServiceStatus
    """The state of the service."""
    warnings: tuple[str, ...]
    """A warning if pyWATS' own service is on this computer."""


@app.command("install")
def install(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="The configuration that the service runs.")
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(
            "--account",
            metavar="NAME",
            help="Its account; default: the archive's owner, or LocalSystem.",
        ),
    ] = None,
    web: WebOption = None,
    instance: InstanceOption = None,
    print_only: Annotated[
        bool, typer.Option("--print", help="Print what would be installed, and install nothing.")
    ] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Install the service, or replace it.

    Repeat this after a change of the configuration's folders.
    """
    if web is not None:
        web_address(web)
        require_pages()
    name = service_name(instance)
    station = read_station_config(service_config_of(config))
    who = account_of(station, account)
    is_asked = WINDOWS and needs_password(who) and not print_only
    password = typer.prompt(f"Password of {who}", hide_input=True) if is_asked else None
    wanted = order(station, name=name, account=who, password=password, web=web)
    manager = control()
    text, place = (manager.text(wanted), None) if print_only else (None, manager.install(wanted))
    warnings = tuple(warnings_for(wanted))
    if as_json:
        print_json(InstalledService(name=name, account=who, place=place, text=text, warnings=warnings))
    elif text is not None:
        typer.echo(text, nl=False)
    else:
        step = next_step(manager.status(name), instance=instance)
        console.print(printable(f"{name}: installed as {place}, runs as {who}; {step}"), soft_wrap=True)
    for warning in warnings:
        typer.echo(f"warning: {printable(warning)}", err=True)


@app.command("start")
def start(instance: InstanceOption = None, as_json: options.JsonOption = False) -> None:
    """Start the service."""
    name = service_name(instance)
    control().start(name)
    _answer(name, "started", as_json=as_json)


@app.command("stop")
def stop(instance: InstanceOption = None, as_json: options.JsonOption = False) -> None:
    """Stop the service.

    Conversions in progress are completed first.
    """
    name = service_name(instance)
    control().stop(name)
    _answer(name, "stopped", as_json=as_json)


@app.command("status")
def status(instance: InstanceOption = None, as_json: options.JsonOption = False) -> int:
    """Show whether the service runs."""
    document = _document(service_name(instance))
    found = document.service
    if as_json:
        print_json(document)
    else:
        process = f", process {found.process}" if found.process else ""
        begins = "starts with the machine" if found.starts_with_machine else "does not start with the machine"
        console.print(f"{found.name}: {found.state}{process}{f', {begins}' if found.is_installed else ''}")
        for warning in document.warnings:
            console.print(printable(warning), style="yellow", soft_wrap=True)
    return 0 if found.is_running and not document.warnings else 1


@app.command("remove")
def remove(instance: InstanceOption = None, as_json: options.JsonOption = False) -> None:
    """Stop and remove the service.

    Archives, configuration and folders stay.
    """
    name = service_name(instance)
    control().remove(name)
    _answer(name, "removed", as_json=as_json)


def _document(name: str) -> ServiceDocument:
    warning = own_service()
    return ServiceDocument(service=control().status(name), warnings=(warning,) if warning else ())


def _answer(name: str, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(name))
    else:
        console.print(f"{name}: {done}")
