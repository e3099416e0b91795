"""The status of a station as text: the service, the server, what waits, alerts, and the last days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from rich import box
from rich.table import Table
from rich.text import Text

from pywats_archive.archive.ledger import Account
from pywats_archive.archive.liveness.unattended import NOT_RUNNING
from pywats_archive.cli.open_alerts import print_alerts
from pywats_archive.cli.output import console
from pywats_archive.client import StationStatus
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.operation.service import ServiceState, ServiceStatus
from pywats_archive.models.operation.status import VanishedSource
from pywats_archive.models.time import utc_now
from pywats_archive.words.text import counted, printable
from pywats_archive.words.times import brief

_FAILED = frozenset({ArrivalState.FAILED.value, ArrivalState.REFUSED.value, ArrivalState.REJECTED.value})
_OPEN = frozenset(state.value for state in ArrivalState if not state.is_final)
_START = "start it with 'pywats-archive service start' or 'pywats-archive run'"
_MARGIN = 11
"""The width of the headings at the left."""


def draw(station: StationStatus, *, days: int, by_day: bool) -> None:
    """Print the status; ``by_day`` shows each day by itself."""
    now = utc_now()
    for line in _services(station, now):
        _print("service", line)
    for line in _server(station, now):
        _print("server", line)
    _print("waiting", Text(_waiting(station, now)))
    for anchor in station.anchors:
        if anchor.folders:  # without any, verify says what cannot be found
            where = ", ".join(map(str, anchor.folders))
            _print("anchor", Text(printable(f"{brief(anchor.at, now=now)}, up to event {anchor.event}, in {where}")))
    print_alerts(station.alerts)
    for source in station.vanished:
        if source.acknowledged_at is None:
            console.print(Text(f"! {_vanished(source, now)}", style="bold red"), soft_wrap=True)
    console.print()
    console.print(_each_day(station.recent) if by_day else _periods(station.recent, days=days))
    console.print()
    for fault in station.disagreements:
        console.print(printable(fault), style="red", soft_wrap=True)
    console.print(
        "the counts agree" if station.agrees else "the counts do not agree", style="green" if station.agrees else "red"
    )


def _print(heading: str, text: Text) -> None:
    console.print(Text(f"{heading:<{_MARGIN}}", style="dim") + text, soft_wrap=True)


def _services(station: StationStatus, now: datetime) -> Iterable[Text]:
    """Yield a line for each service, with its archives if there are several."""
    if not station.services:
        yield Text("none, and no archive yet", style="yellow")
    lines: dict[tuple[str, str], list[ServiceStatus]] = {}
    for service in station.services:
        style = "" if service.state.is_working else "red" if service.state is not ServiceState.STOPPED else "yellow"
        lines.setdefault((_service(service, now), style), []).append(service)
    for (line, style), services in lines.items():
        of = f" ({', '.join(str(each.root) for each in services)})" if len(station.services) > 1 else ""
        yield Text(printable(f"{line}{of}"), style=style)


def _service(service: ServiceStatus, now: datetime) -> str:
    who = [
        *([f"process {service.process} on {service.computer}"] if service.process else []),
        *([f"version {service.version}"] if service.version else []),
        *([f"account {service.account}"] if service.account else []),
    ]
    about = f" ({', '.join(who)})" if who else ""
    since = f" since {brief(service.since, now=now)}" if service.since else ""
    sign = f"last sign of life {brief(service.last_sign, now=now)}" if service.last_sign else ""
    match service.state:
        case ServiceState.RUNNING:
            return f"running{since}{about}"
        case ServiceState.STARTING:
            return f"starting{since}, or another program owns the archive{about}"
        case ServiceState.STALLED:
            return f"does not respond, {sign}{about}; see its log ('pywats-archive logs'), then restart it"
        case ServiceState.DIED:
            return f"died, {sign}{about}; see its log ('pywats-archive logs'), then {_START}"
        case _:
            when = f" since {brief(service.stopped_at, now=now)}" if service.stopped_at else ""
            return f"stopped{when}; {_START}"


def _server(station: StationStatus, now: datetime) -> Iterable[Text]:
    """Yield a line for each server that a service knows, or one that says when a report was last accepted."""
    last = station.last_accepted_at
    accepted = f"last accepted {brief(last, now=now)}" if last else "no report accepted yet"
    contacts = {service.server for service in station.services if service.server}
    if not contacts:
        yield Text(f"not known without a running service; {accepted}", style="dim")
    for contact in contacts:
        if contact.trouble is None:
            state = "ok" if contact.has_answered else "nothing sent since the service started"
            yield Text(printable(f"{contact.address}: {state}, {accepted}"))
        else:
            since = f" since {brief(contact.since, now=now)}" if contact.since else ""
            line = f"{contact.address}: not accepting reports{since}: {contact.trouble}; {accepted}"
            yield Text(printable(line), style="red")


def _waiting(station: StationStatus, now: datetime) -> str:
    work = station.waiting
    if not work.sources and not work.reports:
        unseen = sum(_number(alert.details.get("waiting")) for alert in station.alerts if alert.name == NOT_RUNNING)
        return f"{counted(unseen, 'source')} that no service has seen yet" if unseen else "nothing"
    states = ", ".join(f"{number} {state}" for state, number in work.by_state.items())
    line = " and ".join(
        [
            *([f"{counted(work.sources, 'source')} ({states})"] if work.sources else []),
            *([f"{counted(work.reports, 'report')} for the server"] if work.reports else []),
        ]
    )
    if not work.oldest_at:
        return line
    return printable(f"{line}; the oldest came {brief(work.oldest_at, now=now)}: {work.oldest_path}")


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _vanished(source: VanishedSource, now: datetime) -> str:
    return printable(
        f"{source.path} vanished before it could be archived ({source.converter_name}, "
        f"{brief(source.vanished_at, now=now)}); find out why, then "
        f"'pywats-archive status --acknowledge {source.arrival_id}'"
    )


_PARTS = ("in", "done", "failed", "waits", "other")


def _periods(accounts: Sequence[Account], *, days: int) -> Table:
    """Return for each converter what came in today, and on the last days together; without columns that are empty."""
    today = date.today()
    table = _table()
    table.add_column("converter", overflow="fold")
    names = sorted({account.converter_name for account in accounts})
    rows: list[list[str]] = [[printable(name)] for name in names] or [["nothing came in"]]
    for heading, since in (("today", today), *([(f"{days} days", date.min)] if days > 1 else [])):
        counts = [_counts(a for a in accounts if a.converter_name == name and a.day >= since) for name in names]
        for part in _PARTS:
            if part != _PARTS[0] and not any(each[part] for each in counts):
                continue
            table.add_column(f"{heading if part == _PARTS[0] else ''}\n{part}", justify="right", no_wrap=True)
            for row, each in zip(rows, counts, strict=False):
                row.append(str(each[part] or ""))
    for row in rows:
        table.add_row(*row)
    return table


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)


def _counts(accounts: Iterable[Account]) -> dict[str, int]:
    counts = dict.fromkeys(_PARTS, 0)
    for account in accounts:
        counts["in"] += account.came_in
        for state, number in account.by_state.items():
            counts[_part(state)] += number
    return counts


def _part(state: str) -> str:
    if state == ArrivalState.DONE.value:
        return "done"
    return "failed" if state in _FAILED else "waits" if state in _OPEN else "other"


def _each_day(accounts: Sequence[Account]) -> Table:
    """Return what came in on each day for each converter, with every state that occurs."""
    states = [state.value for state in ArrivalState if any(state.value in a.by_state for a in accounts)]
    table = _table()
    table.add_column("day", no_wrap=True)
    table.add_column("converter", overflow="fold")
    for name in ("came in", *states):
        table.add_column(name, justify="right")
    for account in accounts:
        counts = [str(account.by_state.get(state, "")) for state in states]
        table.add_row(account.day.isoformat(), printable(account.converter_name), str(account.came_in), *counts)
    return table
