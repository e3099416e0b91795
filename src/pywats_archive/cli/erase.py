"""``erase``: erases entries, and what the archive says about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.options import YesOption
from pywats_archive.cli.output import console, print_json
from pywats_archive.errors import UsageError
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.retention.erasure import (
    ErasableEntry,
    Erasure,
    ErasureChoice,
    ErasurePreview,
    ErasureRule,
    ProtectedEntry,
)
from pywats_archive.portable.user import current_actor
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import counted, printable

_T = TypeVar("_T")
_SHOWN = 20
RULES = {
    ErasureRule.COMPLIANT: "its archive is compliant, and nothing is erased from it",
    ErasureRule.HELD: "it is held; release it first with 'hold release'",
    ErasureRule.PENDING: "it is not converted yet, suspended, or its source is in progress",
    ErasureRule.WAITING: "a report of it waits for the server",
    ErasureRule.IN_PLACE: "its file is still in the watch folder, and would be archived again; remove the file first",
    ErasureRule.AWAY: "its watch folder is away or cannot be read, and the file would be archived again; mount its disk or "
    "share; if that is gone for good, name another folder in the configuration, and create an empty one in its place",
    ErasureRule.ALTERED: "a row of it names a path that cannot be its blob; run 'verify'",
}
"""What each rule says."""


def erase(
    archive_ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help=options.ID_HELP)] = None,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    serial: Annotated[
        str | None,
        typer.Option("--serial", metavar="NUMBER", help="In a report or a file name; * and ? only in reports."),
    ] = None,
    operator: Annotated[
        str | None, typer.Option("--operator", metavar="NAME", help="In a report or a file name.")
    ] = None,
    from_: options.FromOption = None,
    to: options.ToOption = None,
    converter: options.ConverterOption = None,
    status: options.StatusOption = None,
    part: options.PartOption = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="Erase, and record this reason. It must not contain names."),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show what would be erased; without --reason, too.")
    ] = False,
    log_files: Annotated[
        list[Path] | None,
        typer.Option("--log-file", metavar="FILE", help="A log file beside those of the services; can be repeated."),
    ] = None,
    as_owner: AsOwnerOption = False,
    yes: YesOption = False,
    as_json: options.JsonOption = False,
) -> int:
    """Erase entries for good, for privacy.

    Removes their files, and the texts about them in the catalog, its copies and the log files.
    Without --reason, it only shows what would be erased. Held and unfinished entries stay.
    The actor, time and reason of the erasure stay on record, with the id and checksum of each entry.
    """
    console.stderr = as_json  # stdout is for the document alone
    wanted = options.entry_filter(from_, to, converter, status, None, part)
    if archive_ids and (wanted != EntryFilter() or serial or operator):
        raise UsageError("erase: use ids or filters, not both")
    is_preview = preview or reason is None
    if not is_preview:
        write_as(archive, config, as_owner=as_owner)
    logs = tuple(log_files or ())
    with options.open_client(archive, config) as client:
        choice = ErasureChoice(
            archive_ids=tuple(options.chosen(client, archive_ids)) if archive_ids else (),
            wanted=options.known_converter(client, wanted),
            serial_number=serial,
            operator=operator,
        )
        found = None
        if is_preview or not (as_json and yes):
            found = client.preview_erasure(choice, logs=logs)
            if is_preview and as_json:
                print_json(found)
                return 0
            _show(found, has_configuration=client.config is not None)
            if is_preview:
                return 0
        options.confirm("erase these for good", yes=yes)
        done = client.erase(choice, reason=reason or "", actor=current_actor(), logs=logs)
    if as_json:
        print_json(done)
    return _report(done, found, as_json=as_json)


def _show(found: ErasurePreview, *, has_configuration: bool) -> None:
    for entry in found.entries[:_SHOWN]:
        line = f"{entry.archive_id}  {entry.converter_name}  found by {entry.found_by}"
        console.print(printable(line), soft_wrap=True)
    if len(found.entries) > _SHOWN:
        console.print(f"... and {len(found.entries) - _SHOWN} more")
    _say_protected(found.protected)
    _say_also_named(found.also_named)
    said = [
        f"{counted(len(found.entries), 'entry', 'entries')} would be erased: {counted(found.files, 'file')} "
        f"({human_size(found.disk_size_bytes)}), {counted(found.reports, 'report')}, {counted(found.events, 'event')}",
        f"{counted(found.copies, 'copy', 'copies')} of the catalog would be replaced by new ones"
        + ("" if has_configuration else "; those in a backup_folder only with --config"),
    ]
    if found.old_catalogs:
        said.append(f"{counted(found.old_catalogs, 'file')} of catalogs that a rebuild replaced would be removed")
    said.append(f"log files: {', '.join(found.logs) if found.logs else 'none known; name them with --log-file'}")
    for line in said:
        console.print(printable(line), soft_wrap=True)
    _say_outside(found.outside)


def _say_protected(protected: Sequence[ProtectedEntry]) -> None:
    for entry in protected[:_SHOWN]:
        console.print(printable(f"{entry.archive_id}  stays: {RULES[entry.rule]}"), soft_wrap=True, style="yellow")
    if len(protected) > _SHOWN:
        console.print(f"... and {len(protected) - _SHOWN} more stay")


def _say_also_named(entries: Sequence[ErasableEntry]) -> None:
    for entry in entries[:_SHOWN]:
        line = f"{entry.archive_id}  also mentions the text, and stays; to erase it, give its id"
        console.print(printable(line), soft_wrap=True, style="yellow")
    if len(entries) > _SHOWN:
        console.print(f"... and {len(entries) - _SHOWN} more also mention the text")


def _say_outside(outside: Sequence[str]) -> None:
    for path in outside[:_SHOWN]:
        console.print(printable(f"not in the archive, and stays: {path}"), soft_wrap=True, style="yellow")
    if len(outside) > _SHOWN:
        console.print(f"... and {len(outside) - _SHOWN} more files outside the archive stay")


def _news(now: Sequence[_T], before: Sequence[_T]) -> list[_T]:
    return [each for each in now if each not in before]


def _report(done: Erasure, found: ErasurePreview | None, *, as_json: bool) -> int:
    """Print what was erased, and what the preview did not say; 1 if an entry stays, or a file could not be removed."""
    for failure in done.not_removed:
        typer.echo(
            printable(f"{failure}. The erasure is not finished; the next 'erase' or start of the service completes it"),
            err=True,
        )
    if not as_json:
        _say_protected(_news(done.protected, found.protected if found else ()))
        _say_also_named(_news(done.also_named, found.also_named if found else ()))
        _say_outside(_news(done.outside, found.outside if found else ()))
        if not done.not_removed:
            console.print(
                f"{counted(done.entries, 'entry', 'entries')} erased, with {counted(done.events, 'event')} and "
                f"{counted(done.log_places, 'place')} in log files; the record of the erasure stays"
            )
    return 1 if done.protected or done.not_removed else 0
