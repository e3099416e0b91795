"""``service``: the service that starts with the machine."""

from __future__ import annotations

from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import console, print_json, printable
from pywats_archive.host.own_service import own_service
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.portable.files import WINDOWS
from pywats_archive.system_service.accounts import account_of, needs_password
from pywats_archive.system_service.instance import service_name
from pywats_archive.system_service.station import control, next_step, order, warnings_for

app = typer.Typer(
    help="Start the service with the machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
InstanceOption = Annotated[
    str | None, typer.Option("--instance", metavar="NAME", help="One of several services on this computer.")
]


@app.command("install")
def install(
    config: options.ConfigOption = None,
    account: Annotated[
        str | None,
        typer.Option(
            "--account",
            metavar="NAME",
            help="Run as this account; default: the owner of the archive, or LocalSystem on Windows.",
        ),
    ] = None,
    instance: InstanceOption = None,
    print_only: Annotated[
        bool, typer.Option("--print", help="Print what would be installed, and install nothing.")
    ] = False,
) -> None:
    """Install the service of a configuration, or replace an earlier one; repeat this after a change of its folders."""
    name = service_name(instance)
    station = read_station_config(config or options.default_config())
    who = account_of(station, account)
    is_asked = WINDOWS and needs_password(who) and not print_only
    password = typer.prompt(f"Password of {who}", hide_input=True) if is_asked else None
    wanted = order(station, name=name, account=who, password=password)
    manager = control()
    if print_only:
        typer.echo(manager.text(wanted), nl=False)
    else:
        place = manager.install(wanted)
        step = next_step(manager.status(name), instance=instance)
        console.print(printable(f"{name}: installed as {place}, runs as {who}; {step}"), soft_wrap=True)
    for warning in warnings_for(wanted):
        typer.echo(f"warning: {printable(warning)}", err=True)


@app.command("start")
def start(instance: InstanceOption = None) -> None:
    """Start the service."""
    name = service_name(instance)
    control().start(name)
    console.print(f"{name}: started")


@app.command("stop")
def stop(instance: InstanceOption = None) -> None:
    """Stop the service; conversions in progress are completed first."""
    name = service_name(instance)
    control().stop(name)
    console.print(f"{name}: stopped")


@app.command("status")
def status(instance: InstanceOption = None, as_json: options.JsonOption = False) -> int:
    """Show whether the service is installed and runs; exit code 1 if not."""
    found = control().status(service_name(instance))
    warning = own_service()
    if as_json:
        print_json({"service": found, "warnings": [warning] if warning else []})
    else:
        process = f", process {found.process}" if found.process else ""
        begins = "starts with the machine" if found.starts_with_machine else "does not start with the machine"
        console.print(f"{found.name}: {found.state}{process}{f', {begins}' if found.is_installed else ''}")
        if warning:
            console.print(printable(warning), style="yellow", soft_wrap=True)
    return 0 if found.is_running and not warning else 1


@app.command("remove")
def remove(instance: InstanceOption = None) -> None:
    """Stop and remove the service; archives, configuration and folders stay."""
    name = service_name(instance)
    control().remove(name)
    console.print(f"{name}: removed")
