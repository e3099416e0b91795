"""Options that several verbs share, and what they mean."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from pywats_archive.cli import candidates
from pywats_archive.cli.place import config_of, place_of
from pywats_archive.client import Client
from pywats_archive.errors import ArchiveError, UsageError, did_you_mean
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState, UnitResult
from pywats_archive.models.time import end_of, start_of, utc_now

Choice = TypeVar("Choice", bound=Enum)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
ArchiveOption = Annotated[Path | None, typer.Option("--archive", metavar="DIR", help="Work only on this archive.")]
ID_HELP = "Id, part of an id, serial number, or file."
"""What a verb takes as the name of an entry."""
OneArchiveOption = Annotated[
    Path | None, typer.Option("--archive", metavar="DIR", help="The archive, if there are several.")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Work on all archives of this configuration."),
]
VaultConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration with the keys of the vault."),
]
VaultOption = Annotated[
    str | None, typer.Option("--vault", metavar="URL", help="The vault; default: vault_url of the configuration.")
]
WebOption = Annotated[
    str | None,
    typer.Option(
        "--web",
        metavar="[HOST:]PORT",
        help="Serve the web pages in a process of their own; default HOST: that of 'web'.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document, nothing else.")]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit", "--last", metavar="N", min=1, max=2**31, help="At most so many; default: 100, of --csv all."
    ),
]
OffsetOption = Annotated[
    int, typer.Option("--offset", metavar="N", min=0, max=2**53, help="Number of entries to skip.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="Converted on or after; or 12h, 2d, 3w ago.")
]
SinceOption = Annotated[str | None, typer.Option("--since", metavar="TIME", help="30m, 12h, 2d, 3w, or a date.")]
TodayOption = Annotated[bool, typer.Option("--today", help="Only today's entries.")]
ToOption = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Converted on or before, all of that day.")]
ConverterOption = Annotated[
    str | None,
    typer.Option("--converter", metavar="NAME", autocompletion=candidates.converters, help="Only this converter."),
]
StatusOption = Annotated[
    str | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        autocompletion=candidates.statuses,
        help="pending, success, failed, suspended, skipped or rejected.",
    ),
]
ResultOption = Annotated[
    str | None,
    typer.Option(
        "--result",
        metavar="RESULT",
        autocompletion=candidates.results,
        help="passed, failed, error, terminated or done.",
    ),
]
TextOption = Annotated[
    str | None, typer.Option("--text", metavar="WORDS", help="Words in errors, file names, serial and part numbers.")
]
SerialOption = Annotated[
    str | None, typer.Option("--serial", metavar="NUMBER", help="Serial number; * and ? are wildcards.")
]
PartOption = Annotated[str | None, typer.Option("--part", metavar="NUMBER", help="Part number; * and ? are wildcards.")]


def chosen(client: Client, named: Iterable[str]) -> list[str]:
    """Return the archive ids that the arguments of a verb name, each once; ``-`` reads names from the lines on stdin."""
    names: list[str] = []
    for name in named:
        names += (line.strip() for line in sys.stdin) if name == "-" else [name]
    return list(dict.fromkeys(client.resolve(name) for name in names if name))


def quoted(word: str | Path) -> str:
    """Quote a word of a command so that every shell accepts it."""
    word = str(word)
    return word if re.fullmatch(r"[\w@%+=:,./\\-]+", word) else '"' + word.replace('"', '\\"') + '"'


def open_client(archive: Path | None, config: Path | None, *, may_be_new: bool = False) -> Client:
    """Open what --archive or --config names, or what is found without them; ``may_be_new``: the verb creates the archive."""
    place = place_of(archive, config)
    if place.is_archive:
        return Client([place.path])
    return Client.from_config(place.path) if may_be_new else _open_config(place.path)


def entry_filter(
    from_: str | None, to: str | None, converter: str | None, status: str | None, serial: str | None, part: str | None
) -> EntryFilter:
    """Return the filter for entries that the options describe."""
    first, last = parse_start(from_), parse_day(to, "--to")
    start, end = start_of(first) if first else None, end_of(last) if last else None
    if start and end and start > end:
        raise UsageError(f"--from {from_} lies after --to {to}; swap them")
    return EntryFilter(
        from_date=start,
        to_date=end,
        converter_name=converter,
        status=parse_status(status),
        serial_number=serial,
        part_number=part,
    )


def known_converter(client: Client, wanted: EntryFilter) -> EntryFilter:
    """Return the filter with its converter's name as the station has it; UnknownConverter if there is none."""
    name = wanted.converter_name
    return replace(wanted, converter_name=client.converter_named(name)) if name else wanted


def confirm(question: str, *, yes: bool) -> None:
    """Ask before an action that cannot be undone; UsageError if there is no terminal to ask on, ArchiveError after a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"cannot ask '{question}?' (no terminal); if you are sure, add --yes")
    if not typer.confirm(f"{question}?", err=True):
        raise ArchiveError("not confirmed; nothing was done")


def open_station(config: Path | None) -> Client:
    """Open all archives of a configuration that is needed for its converters too."""
    return _open_config(config_of(config))


def _open_config(config: Path) -> Client:
    client = Client.from_config(config)
    if not client.roots:
        message = (
            "there is no archive yet; the service creates it at its first start, if a converter has archive_enabled"
        )
        typer.echo(f"{config}: {message}", err=True)
    return client


def parse_day(text: str | None, option: str) -> date | datetime | None:
    """Read a date (all of that day, station's time) or a moment in ISO form."""
    if text is None:
        return None
    try:
        return (
            date.fromisoformat(text)
            if len(text) == len("2026-01-31")
            else datetime.fromisoformat(text.replace("Z", "+00:00"))
        )
    except ValueError as exc:
        raise UsageError(f"invalid {option} '{text}'; use a date such as 2026-01-31 or 2026-01-31T08:00") from exc


def parse_start(text: str | None) -> date | datetime | None:
    """Read where a range begins: how long ago (30m, 12h, 2d, 3w), or as ``parse_day`` reads it."""
    ago = _span(text or "")
    if ago is None and re.match(r"\d{4}-", text or "0000-") is None:
        raise UsageError(
            f"invalid --from '{text}' (or --since); use how long ago, such as 12h, 2d or 3w, or a date such as 2026-01-31"
        )
    if ago is None:
        return parse_day(text, "--from")
    return utc_now() - ago


def parse_span(text: str, option: str) -> timedelta:
    """Read a length of time: 30m, 12h, 2d, 3w."""
    if (found := _span(text)) is None:
        raise UsageError(f"invalid {option} '{text}'; use a length of time such as 30m, 12h, 2d or 3w")
    return found


def _span(text: str) -> timedelta | None:
    found = re.fullmatch(r"(\d{1,5})([mhdw])", text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def parse_result(text: str | None) -> UnitResult | None:
    """Read the result of a unit, in any case."""
    return _choice(text, UnitResult, "--result")


def parse_status(text: str | None) -> ConversionStatus | None:
    """Read a status, in any case."""
    return _choice(text, ConversionStatus, "--status")


def parse_submission(text: str | None) -> SubmissionState | None:
    """Read the submission state of a report, in any case."""
    return _choice(text, SubmissionState, "--submission")


def _choice(text: str | None, choices: type[Choice], option: str) -> Choice | None:
    try:
        return choices(text.upper()) if text else None
    except ValueError as exc:
        known = ", ".join(choice.value for choice in choices)
        meant = did_you_mean(text or "", [choice.value for choice in choices])
        raise UsageError(f"invalid {option} '{text}'; {meant}choose from {known}") from exc


def percent_of(text: str, option: str) -> float:
    """Read a percentage above 0, with or without its sign."""
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = 0.0
    if not 0 < percent <= 100:
        raise UsageError(f"invalid {option} '{text}'; use a percentage above 0 and up to 100, such as 5%")
    return percent
