"""``status``: is all well, and where is my file?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pywats_archive.archive.ledger import Account
from pywats_archive.cli import entries_table, options, station_view
from pywats_archive.cli.blockers import blockers
from pywats_archive.cli.open_alerts import print_alerts
from pywats_archive.cli.output import console, print_json, values_of
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.service import ServiceStatus
from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.models.operation.status import LastAnchor, VanishedSource, WaitingWork
from pywats_archive.models.operation.whereabouts import Watcher, Whereabouts
from pywats_archive.words.text import printable
from pywats_archive.words.times import when

if TYPE_CHECKING:
    from pywats_archive.client import Client


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
    is_well: bool
    """Whether the counts agree, no alert is open, and a person knows of each source that vanished."""
    waiting: WaitingWork
    """What is not done yet, in all archives."""
    last_accepted_at: datetime | None
    """When the server last accepted a report."""
    vanished: tuple[VanishedSource, ...]
    """The sources that vanished before they could be archived."""
    recent: tuple[Account, ...]
    """The sources of each converter on the last days of the station's own calendar, newest day first."""
    anchors: tuple[LastAnchor, ...]
    """The newest anchor of each archive that has one."""


def status(
    what: Annotated[str | None, typer.Argument(help="A path, a file name or a serial number.")] = None,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    by_day: Annotated[bool, typer.Option("--by-day", help="Show each day separately, with every state.")] = False,
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=3650, help="Number of days, including today.")
    ] = 7,
    acknowledge: Annotated[
        list[str] | None,
        typer.Option(metavar="WHICH", help="Acknowledge vanished sources: number, path, file name, or all."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="With --acknowledge: what happened.")] = None,
    as_json: options.JsonOption = False,
) -> int:
    """Show whether all is well, or find one file.

    It shows the service, the server, waiting work and problems, then what came in today and on the last days.
    """
    if reason is not None and not acknowledge:
        raise UsageError("--reason: only with --acknowledge")
    if what is not None and acknowledge:
        raise UsageError("--acknowledge: cannot be combined with the name of a file")
    with options.open_client(archive, config) as client:
        if what is not None:
            is_working = any(service.state.is_working for service in client.services())
            found = client.where_is(what)
            watchers = () if found.arrivals or found.entries else client.watchers_of(what)
            result = _found(found, what, as_json, watchers=watchers, is_working=is_working)
            if not as_json:
                print_alerts(_blockers(client, found, what, watchers))
            return result
        if acknowledge:
            client.acknowledge(acknowledge, reason=reason)
        station = client.status(days=days)
    if as_json:
        print_json(StatusDocument(agrees=station.agrees, is_well=station.is_well, **values_of(station)))
    else:
        station_view.draw(station, days=days, by_day=by_day)
    return 0 if station.is_well else 1


def _found(found: Whereabouts, what: str, as_json: bool, *, watchers: Sequence[Watcher], is_working: bool) -> int:
    if as_json:
        print_json(found)
    elif not found.arrivals and not found.entries:
        console.print(
            printable(
                f"{what}: no converter has seen this file, and no report has this serial number"
                f"{_why(watchers)}"
                f"{'' if is_working else '; no service is running that would process it; start pywats-archive run'}"
            ),
            soft_wrap=True,
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


def _blockers(client: Client, found: Whereabouts, what: str, watchers: Sequence[Watcher]) -> tuple[OpenAlert, ...]:
    """Return the open alerts because of which a source is not done; a stopped service was already named without arrivals."""
    waiting = [arrival for arrival in found.arrivals if not arrival.state.is_final]
    if not waiting and not watchers:
        return ()
    converters = [*(each.converter_name for each in waiting), *(each.converter_name for each in watchers)]
    paths = [str(Path(what).absolute()), *(arrival.path for arrival in waiting)]
    concerned = blockers(client.status(days=1).alerts, converters=converters, paths=paths)
    return concerned if waiting else tuple(each for each in concerned if each.name != "service.not_running")


def _why(watchers: Sequence[Watcher]) -> str:
    """Say why no converter has seen a file, as far as the configuration shows it."""
    if not watchers:
        return " (is the file in a watch folder, and does a pattern of its converter match its name?)"
    folders = (
        f"{each.converter_name}'s watch folder, "
        + ("and its patterns match" if each.matches else f"whose patterns are {', '.join(each.patterns) or 'none'}")
        for each in watchers
    )
    return f"; it lies in {' and in '.join(folders)}"
