"""``status``: where is my file, and do the counts agree?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from pywats_archive.archive.ledger import Account
from pywats_archive.cli import entries_table, options
from pywats_archive.cli.output import console, print_alerts, print_json, printable, values_of, when
from pywats_archive.client import StationStatus
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.operation.service import ServiceStatus
from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.models.operation.whereabouts import Whereabouts


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusDocument:
    """The counts of all sources, the open alerts and the services."""

    accounts: tuple[Account, ...]
    """The sources of each converter and day."""
    agrees: bool
    """Whether what came in and what went out agree."""
    disagreements: tuple[str, ...]
    """One line for each count that does not agree."""
    alerts: tuple[OpenAlert, ...]
    """The open alerts."""
    services: tuple[ServiceStatus, ...]
    """The service of each archive."""


def status(
    what: Annotated[str | None, typer.Argument(help="A path, a file name or a serial number.")] = None,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_json: options.JsonOption = False,
) -> int:
    """Count all sources, or find one of them.

    Open alerts are shown with the counts.
    """
    with options.open_client(archive, config) as client:
        if what is not None:
            is_working = any(service.state.is_working for service in client.services())
            return _found(client.where_is(what), what, as_json, is_working=is_working)
        station = client.status()
    if as_json:
        print_json(StatusDocument(agrees=station.agrees, **values_of(station)))
    else:
        _draw(station)
    is_well = station.agrees and not station.alerts and not any(_vanished(account) for account in station.accounts)
    return 0 if is_well else 1


def _found(found: Whereabouts, what: str, as_json: bool, *, is_working: bool) -> int:
    if as_json:
        print_json(found)
    elif not found.arrivals and not found.entries:
        console.print(
            printable(
                f"{what}: no converter has seen this file, and no report has this serial number"
                " (is the file in a watch folder, and does a pattern of its converter match its name?)"
                f"{'' if is_working else '; no service is running that would process it; start pywats-archive run'}"
            )
        )
    else:
        for arrival in found.arrivals:
            where = f", now {arrival.moved_to}" if arrival.moved_to else ""
            why = f" ({arrival.reason})" if arrival.reason else ""
            line = f"{arrival.path}: {arrival.state.value} since {when(arrival.changed_at)}{where}{why}"
            console.print(printable(line), soft_wrap=True)
        if found.entries:
            entries_table.draw(found.entries)
    return 0 if found.arrivals or found.entries else 1


def _draw(station: StationStatus) -> None:
    states = [state.value for state in ArrivalState if any(state.value in a.by_state for a in station.accounts)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("converter")
    table.add_column("day (UTC)", no_wrap=True)
    for name in ("came in", *states):
        table.add_column(name, justify="right")
    for account in station.accounts:
        counts = [str(account.by_state.get(state, "")) for state in states]
        table.add_row(printable(account.converter_name), account.day.isoformat(), str(account.came_in), *counts)
    console.print(table)
    for account in station.accounts:
        if _vanished(account):
            console.print(
                f"{_vanished(account)} source(s) of {account.converter_name} vanished before they were archived!",
                style="bold red",
            )
    for fault in station.disagreements:
        console.print(printable(fault), style="red")
    for service in station.services:
        console.print(printable(_line(service)), soft_wrap=True)
    print_alerts(station.alerts)
    console.print(
        "the counts agree" if station.agrees else "the counts do not agree", style="green" if station.agrees else "red"
    )


def _line(service: ServiceStatus) -> str:
    """Return one line on the service of one archive."""
    who = f", process {service.process} on {service.computer}" if service.process else ""
    since = f" since {when(service.since)}" if service.since else ""
    sign = f", last sign {when(service.last_sign)}" if service.last_sign else ""
    return f"service of {service.root}: {service.state.value}{since}{who}{sign}"


def _vanished(account: Account) -> int:
    return account.by_state.get(ArrivalState.VANISHED.value, 0)
