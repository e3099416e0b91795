"""``purge``: removes the entries that the policies or a person name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.options import YesOption
from pywats_archive.cli.output import console, print_json, values_of
from pywats_archive.client import Client
from pywats_archive.errors import RetentionHeldBack, UsageError
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.retention.purge import Decision, Obstacle, PurgeReason, PurgeStatistics
from pywats_archive.portable.user import current_actor
from pywats_archive.retention.station import ClockState, StationRetention
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import counted, printable
from pywats_archive.words.times import when

Decided = Iterable[tuple[str, Decision]]
_SHOWN = 20
_AT_ONCE = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PurgeableEntry:
    """An entry that would be purged."""

    archive_id: str
    """Its archive id."""
    converter_name: str
    """Its converter."""
    reason: PurgeReason
    """Why it would be purged."""
    disk_size_bytes: int
    """Disk space of all its blobs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptEntry(PurgeableEntry):
    """An entry that stays, although a limit or a person requests its purge."""

    kept_because: Obstacle
    """Why it stays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PurgePreview:
    """What a purge would remove now."""

    entries: tuple[PurgeableEntry, ...]
    """The entries that would be purged."""
    kept: tuple[KeptEntry, ...]
    """The entries that would stay."""
    bytes_freed: int
    """Disk space that would be freed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Purged:
    """What a purge removed."""

    purged: tuple[PurgeStatistics, ...]
    """One for each converter, or for each archive if entries were named."""
    bytes_freed: int
    """Disk space that was freed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmedClocks:
    """The clock, after it was confirmed."""

    clocks: tuple[ClockState, ...]
    """One for each archive."""


def purge(
    archive_ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help=options.ID_HELP)] = None,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    from_: options.FromOption = None,
    to: options.ToOption = None,
    converter: options.ConverterOption = None,
    status: options.StatusOption = None,
    serial: options.SerialOption = None,
    part: options.PartOption = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would be purged, and why.")] = False,
    unsubmitted: Annotated[
        bool, typer.Option("--unsubmitted", help="Also purge named entries whose reports the server has not accepted.")
    ] = False,
    even_damaged: Annotated[
        bool, typer.Option("--even-damaged", help="Purge named entries even if the archive has open damage.")
    ] = False,
    confirm_clock: Annotated[
        bool, typer.Option("--confirm-clock", help="Confirm that the clock is right; purges nothing.")
    ] = False,
    as_owner: AsOwnerOption = False,
    yes: YesOption = False,
    as_json: options.JsonOption = False,
) -> int:
    """Purge entries by policy, id or filter.

    Without ids and filters, the policies of all converters apply, or of one --converter.
    Held and unfinished entries always stay, and so does the record of each purged entry.
    """
    console.stderr = as_json  # stdout is for the document alone
    wanted = options.entry_filter(from_, to, converter, status, serial, part)
    is_filtered = wanted != EntryFilter(converter_name=converter)
    if archive_ids and (is_filtered or converter):
        raise UsageError("purge: use ids or filters, not both")
    if confirm_clock and (archive_ids or is_filtered or converter or preview):
        raise UsageError("purge: --confirm-clock purges nothing; use it alone, then repeat the purge")
    if not preview:
        write_as(archive, config, as_owner=as_owner)
    with options.open_client(archive, config) as client:
        retention = client.retention
        if confirm_clock:
            return _confirm_clock(retention, yes=yes, as_json=as_json)
        wanted = options.known_converter(client, wanted)
        if archive_ids or is_filtered:
            ids = options.chosen(client, archive_ids) if archive_ids else _matching(client, wanted)
            decided: Decided = list(retention.preview_named(ids, unsubmitted=unsubmitted))
        else:
            decided = retention.preview(wanted.converter_name)
            _say_doubts(retention, refuse=not preview)
        if preview or not (as_json and yes):
            going = _show(decided, as_json=as_json and preview)
            if preview:
                return 0
            if not going:
                done = retention.finish_unfinished()
                return _report(done, as_json=True) if as_json else _failures(done)
        options.confirm("purge these", yes=yes)
        if archive_ids or is_filtered:
            done = retention.purge_named(ids, actor=current_actor(), unsubmitted=unsubmitted, even_damaged=even_damaged)
        else:
            done = retention.enforce(wanted.converter_name, actor=current_actor())
    return _report(done, as_json=as_json)


def _confirm_clock(retention: StationRetention, *, yes: bool, as_json: bool) -> int:
    """Show the clock and why it is doubted, ask, and trust it from now on."""
    found = retention.clocks()
    if not as_json:
        for each in found:
            console.print(printable(f"{each.archive}: {each.doubt or 'the clock is trusted'}"), soft_wrap=True)
    if found:
        options.confirm(f"it is {when(found[0].clock)} now: is that right", yes=yes)
        retention.confirm_clock(actor=current_actor())
    if as_json:
        print_json(ConfirmedClocks(clocks=retention.clocks()))
    return 0


def _say_doubts(retention: StationRetention, *, refuse: bool) -> None:
    """Say on stderr why the policies purge nothing now, or raise RetentionHeldBack; stdout may be JSON."""
    for each in retention.clocks():
        if each.doubt and refuse:
            raise RetentionHeldBack(f"{each.archive}: {each.doubt}")
        if each.doubt:
            typer.echo(printable(f"{each.archive}: {each.doubt}"), err=True)


def _matching(client: Client, wanted: EntryFilter) -> list[str]:
    page = client.find(replace(wanted, purged=False, newest_first=False), limit=_AT_ONCE)
    if page.total > len(page.items):
        raise UsageError(f"purge: {page.total} entries match, {_AT_ONCE} can be purged at once; narrow the dates")
    return [entry.archive_id for entry in page.items]


def _show(decided: Decided, *, as_json: bool) -> int:
    """Print what would be purged and what stays, or write it as JSON; return how much would be purged."""
    if as_json:
        return _write(decided)
    gone, kept, freed = 0, Counter[str](), 0
    for name, decision in decided:
        if decision.obstacle:
            kept[decision.obstacle.value] += 1
            continue
        gone, freed = gone + 1, freed + decision.disk_size_bytes
        if gone <= _SHOWN:
            size = human_size(decision.disk_size_bytes)
            console.print(printable(f"{decision.archive_id}  {name}  {decision.reason.value}  {size}"), soft_wrap=True)
    if gone > _SHOWN:
        console.print(f"... and {gone - _SHOWN} more")
    stays = "; kept: " + ", ".join(f"{number} {why}" for why, number in kept.items()) if kept else ""
    console.print(f"{counted(gone, 'entry', 'entries')} would be purged, {human_size(freed)}{stays}")
    return gone


def _write(decided: Decided) -> int:
    going: list[PurgeableEntry] = []
    kept: list[KeptEntry] = []
    for name, decision in decided:
        entry = PurgeableEntry(
            archive_id=decision.archive_id,
            converter_name=name,
            reason=decision.reason,
            disk_size_bytes=decision.disk_size_bytes,
        )
        if decision.obstacle:
            kept.append(KeptEntry(**values_of(entry), kept_because=decision.obstacle))
        else:
            going.append(entry)
    freed = sum(each.disk_size_bytes for each in going)
    print_json(PurgePreview(entries=tuple(going), kept=tuple(kept), bytes_freed=freed))
    return len(going)


def _report(done: Sequence[PurgeStatistics], *, as_json: bool) -> int:
    """Print what was purged; 1 if a size limit could not be met, or a file could not be removed."""
    if as_json:
        print_json(Purged(purged=tuple(done), bytes_freed=sum(each.bytes_freed for each in done)))
    else:
        number, freed = sum(each.archives_purged for each in done), sum(each.bytes_freed for each in done)
        console.print(f"{counted(number, 'entry', 'entries')} purged, {human_size(freed)} freed; their records stay")
        for each in done:
            if each.over_bytes:
                why = ", ".join(f"{number} {obstacle}" for obstacle, number in each.kept.items())
                fields = f"{each.converter_name}: stays {human_size(each.over_bytes)} above its size limit; kept: {why}"
                console.print(printable(fields), soft_wrap=True, style="yellow")
    return max(_failures(done), 1 if any(each.over_bytes for each in done) else 0)


def _failures(done: Sequence[PurgeStatistics]) -> int:
    """Say on stderr which files could not be removed; 1 when there are any."""
    failed = list(dict.fromkeys((each.not_removed, each.first_not_removed) for each in done if each.not_removed))
    for number, first in failed:
        more = f" (and {number - 1} more)" if number > 1 else ""
        fields = f"{first}{more}: purged, but cannot be removed now; the next purge tries it again"
        typer.echo(printable(fields), err=True)
    return 1 if failed else 0
