"""``events``: the history of the archives."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import console, print_json, print_json_line
from pywats_archive.client import Client
from pywats_archive.models.event import EventFilter, RecordedEvent
from pywats_archive.models.time import start_of
from pywats_archive.words.details import shown
from pywats_archive.words.text import printable
from pywats_archive.words.times import when

_PAGE, _MOST = 100, 10_000
_POLL_S = 0.5
_KIND_WIDTH, _ID_WIDTH = 19, 24


@dataclass(frozen=True, kw_only=True, slots=True)
class EventList:
    """Events, oldest first."""

    events: tuple[RecordedEvent, ...]
    """The newest events that match."""


def events(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new events until Ctrl-C.")] = False,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="Such as report.accepted, or alert for all alerts.")
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Only events of this entry: its id, serial number or file.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="30m, 12h, 2d, 3w ago, or a date.")] = None,
    last: Annotated[
        int, typer.Option("--last", "--limit", metavar="N", min=1, max=2**31, help="The newest N that match.")
    ] = _PAGE,
    as_json: options.JsonOption = False,
) -> None:
    """Show the history: who did what, and when.

    The newest event is last. With --follow, --json prints one document per line.
    """
    first = options.parse_start(since)
    with options.open_client(archive, config) as client:
        wanted = EventFilter(
            kinds=tuple(each.lower() for each in kind or ()),
            archive_id=client.resolve(id_, newest=True) if id_ else None,
            since=start_of(first) if first else None,
        )
        if follow:
            _follow(client, wanted, last, as_json)
            return
        page = client.events(wanted, limit=last)
    if as_json:
        print_json(EventList(events=page.events))
    elif page.events:
        _print(page.events)
    else:
        console.print("no events")


def _follow(client: Client, wanted: EventFilter, limit: int, as_json: bool) -> None:
    page = client.events(wanted, limit=limit)
    try:
        while True:
            if as_json:
                for event in page.events:
                    print_json_line(event)
            else:
                _print(page.events)
            time.sleep(_POLL_S)
            page = client.events(wanted, limit=_MOST, after=page.positions)
    except KeyboardInterrupt:  # Ctrl-C is its normal end
        return


def _print(found: Sequence[RecordedEvent]) -> None:
    for event in found:
        details = ", ".join(f"{name} {value}" for name, value in shown(event).items() if value not in (None, ""))
        head = f"{when(event.at)}  {event.kind:<{_KIND_WIDTH}}  {event.archive_id or '-':<{_ID_WIDTH}}  {event.actor}"
        console.print(printable(f"{head}  {details}".rstrip()), soft_wrap=True)
    if console.file:
        console.file.flush()
