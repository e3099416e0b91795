"""``rebuild``: a new catalog from the newest sound copy and the blobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.archive.repair.rebuild import damage
from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.output import console, print_json, progress
from pywats_archive.cli.verify import show_problem
from pywats_archive.models.operation.integrity import OnlyThere, Problem, Rebuilt
from pywats_archive.portable.user import current_actor
from pywats_archive.words.text import counted, printable

BackupFolderOption = Annotated[
    Path | None,
    typer.Option(
        "--backup-folder", metavar="DIR", help="Also look here for copies of metadata.db (default: backup_folder)."
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class RebuiltCatalogs:
    """The rebuilt catalogs."""

    rebuilt: tuple[Rebuilt, ...]
    """One for each rebuilt archive; empty if every catalog can be read."""
    problems: tuple[Problem, ...]
    """The problems of all of them."""


def rebuild(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    backup_folder: BackupFolderOption = None,
    as_owner: AsOwnerOption = False,
    yes: options.YesOption = False,
    as_json: options.JsonOption = False,
) -> int:
    """Rebuild metadata.db from the blobs.

    It begins with its newest sound copy, if there is one; the blobs add what is younger. The catalog of --archive is rebuilt,
    or those of all damaged archives of --config. Each old one is kept. If it can still be read, the command asks first: copy
    and blobs do not contain everything.
    """
    write_as(archive, config, as_owner=as_owner)
    if archive and not damage(archive):
        options.confirm(
            f"{archive}: its catalog can be read, and holds more than its copies and the blobs do; rebuild it anyway",
            yes=yes,
        )
    with options.open_client(archive, config) as client, progress("rebuilding", client.count_files) as advance:
        done = client.rebuild(actor=current_actor(), backup_folder=backup_folder, on_progress=lambda *_: advance(1))
    problems = tuple(problem for each in done for problem in each.problems)
    if as_json:
        print_json(RebuiltCatalogs(rebuilt=done, problems=problems))
    elif done:
        for each in done:
            _show(each)
    else:
        console.print("every catalog can be read; to rebuild one anyway, name its archive with --archive")
    return 1 if problems else 0


def _show(rebuilt: Rebuilt) -> None:
    for problem in rebuilt.problems:
        show_problem(problem)
    message = (
        f"{rebuilt.archive}: {_entries(rebuilt.entries)}, {counted(rebuilt.reports, 'report')} and "
        f"{counted(rebuilt.companions, 'blob')} of companions are in the new catalog"
    )
    _say(message)
    if rebuilt.copied_at:
        _show_copy(rebuilt, rebuilt.copied_at)
    if rebuilt.without_source:
        _say(f"{_entries(rebuilt.without_source)} without a readable source, only with files made from it")
    if rebuilt.purged:
        _say(f"{_entries(rebuilt.purged)} on record as purged: what was left of the files is removed")
    if rebuilt.without_outcome:
        _say(
            f"{_entries(rebuilt.without_outcome)} without a report: how the conversion ended is not known. Such entries stay "
            "PENDING, and are purged at the longer of the two ages of their policy"
        )
    if rebuilt.reports and not rebuilt.copy:
        _say("The reports are kept as WITHHELD: they are not sent, unless their source is converted again.")
    if rebuilt.kept_as:
        kept = Path(rebuilt.archive) / rebuilt.kept_as
        _say(f"The old catalog is {kept}; to go back to it, stop the service and rename it to metadata.db")
    if _is_keeping_lost(rebuilt.not_copied):
        _say(
            'The holds are unknown, so nothing is purged: set holds again, then \'pywats-archive policy set "*" '
            "--enabled', and the same for each converter that 'policy list' shows as kept for ever"
        )
    _say_what_only_the_old_one_knew(rebuilt.not_copied, kept_as=rebuilt.kept_as)


def _show_copy(rebuilt: Rebuilt, copied_at: datetime) -> None:
    _say(
        f"It begins with the copy {rebuilt.copy} of {copied_at:%Y-%m-%d %H:%M:%S} UTC, with the history up to event "
        f"{rebuilt.last_event}"
    )
    _say(
        f"Since that copy: {_entries(rebuilt.younger)} from blobs alone, {_entries(rebuilt.completed)} with further reports or "
        f"companions, {_entries(rebuilt.purged_since)} purged"
    )
    if rebuilt.younger or rebuilt.completed:
        _say(
            "Reports that come from blobs alone are WITHHELD: they are not sent, unless their source is converted again."
        )
    _say(
        "Lost are later holds, changes of policies, runs, events, and answers of the server. 'pywats-archive verify' compares "
        "the files with the new catalog"
    )


def _say_what_only_the_old_one_knew(things: Sequence[OnlyThere], *, kept_as: str | None) -> None:
    readable = [f"{each.what}: {each.number}" for each in things if each.number is not None]
    unreadable = [each.what for each in things if each.number is None]
    if readable:
        _say(f"Not copied, but still readable there: {'; '.join(readable)}")
    if unreadable:
        why = "the old catalog cannot be read for them" if kept_as else "there was no old catalog"
        _say(f"No blob contains these, and {why}; look for a backup of metadata.db: {', '.join(unreadable)}")


def _is_keeping_lost(things: Sequence[OnlyThere]) -> bool:
    return any("holds" in each.what and each.number is None for each in things)


def _entries(number: int) -> str:
    return counted(number, "entry", "entries")


def _say(text: str) -> None:
    console.print(printable(text), soft_wrap=True, markup=False)
