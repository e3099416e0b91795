"""``audit``: who did what, for people who must prove it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import console, print_json_items
from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.models.event import AuditCategory, EventFilter, RecordedEvent
from pywats_archive.models.time import end_of, start_of
from pywats_archive.words.audit_csv import csv_lines
from pywats_archive.words.details import shown
from pywats_archive.words.text import printable
from pywats_archive.words.times import when

_PAGE = 100
_KIND_WIDTH, _ACTOR_WIDTH, _ID_WIDTH = 18, 20, 24


class Format(str, Enum):
    """The forms in which events are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditList:
    """Events of the history, oldest first."""

    events: tuple[RecordedEvent, ...]
    """All events that match, or the newest so many."""


def audit(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    category: Annotated[
        list[AuditCategory] | None,
        typer.Option("--category", metavar="NAME", help="Such as access, sign-in, hold, purge, replay or settings."),
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(metavar="KIND", help="Such as report.read, or user.")] = None,
    actor: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="os:ann, web:ann, token:ann/nightly, service; ann means all of ann's."),
    ] = None,
    id_: Annotated[str | None, typer.Option("--id", metavar="ID", help="Only what concerns this entry.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="30m, 12h, 2d, 3w ago, or a date.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="On or before, all of that day.")] = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="A part of the details, such as a reason.")] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "--last", metavar="N", min=1, max=2**31, help="The newest N; default of a table: 100."),
    ] = None,
    format_: Annotated[
        Format | None, typer.Option("--format", metavar="FORMAT", help="table, json or csv.", show_default="table")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="The same as --format csv; times in UTC.")] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Show who read or changed what, as CSV too.

    Oldest first; JSON and CSV have all that match.
    """
    form = _form(format_, as_csv=as_csv, as_json=as_json)
    first, last = options.parse_start(since), options.parse_day(until, "--until")
    wanted = EventFilter(
        kinds=tuple(each.lower() for each in kind or ()),
        categories=tuple(category or ()),
        actor=actor,
        text=text,
        since=start_of(first) if first else None,
        until=end_of(last) if last else None,
    )
    with options.open_client(archive, config) as client:
        wanted = replace(wanted, archive_id=client.resolve(id_, newest=True) if id_ else None)
        _print(client, wanted, form, limit)


def _form(format_: Format | None, *, as_csv: bool, as_json: bool) -> Format:
    asked = [*([format_] if format_ else []), *([Format.CSV] if as_csv else []), *([Format.JSON] if as_json else [])]
    if len(set(asked)) > 1:
        raise UsageError("--format, --csv and --json: use one of them")
    return asked[0] if asked else Format.TABLE


def _print(client: Client, wanted: EventFilter, form: Format, limit: int | None) -> None:
    found = client.audit(wanted, newest=_PAGE if form is Format.TABLE and limit is None else limit)
    if form is Format.CSV:
        for line in csv_lines(found):
            sys.stdout.write(line)
    elif form is Format.JSON:
        print_json_items("events", found)
    else:
        _draw(found, is_of_several=len(client.roots) > 1)


def _draw(found: Iterable[RecordedEvent], *, is_of_several: bool) -> None:
    is_any = False
    for event in found:
        is_any = True
        console.print(printable(_line(event, is_of_several=is_of_several)), soft_wrap=True)
    if not is_any:
        console.print("no events")


def _line(event: RecordedEvent, *, is_of_several: bool) -> str:
    head = f"{when(event.at)}  {event.actor:<{_ACTOR_WIDTH}}  {event.kind:<{_KIND_WIDTH}}"
    head += f"  {event.archive_id or '-':<{_ID_WIDTH}}"
    return f"{head}  {', '.join(_details(event, is_of_several=is_of_several))}".rstrip()


def _details(event: RecordedEvent, *, is_of_several: bool) -> Iterator[str]:
    """Yield the details, the reason first."""
    for name, value in sorted(shown(event).items(), key=lambda each: each[0] != "reason"):
        if name != "version" and value not in (None, ""):
            yield f"{name} {value if isinstance(value, str | int | float) else json.dumps(value)}"
    if is_of_several:
        yield f"in {event.archive}"
