"""``reprocess cancel`` and ``rollback``: the end of a run before its time, and its undoing."""

from __future__ import annotations

from dataclasses import dataclass

from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.output import console, print_json
from pywats_archive.cli.place import chosen_archive, config_of
from pywats_archive.cli.reprocess.words import ActorOption, RunArgument
from pywats_archive.models.operation.replay import Rollback
from pywats_archive.portable.user import current_actor
from pywats_archive.words.text import printable


@dataclass(frozen=True, kw_only=True, slots=True)
class RolledBackRun:
    """What a rollback did."""

    run_id: int
    """Number of the run."""
    set_back: int
    """Number of entries that show their previous conversion again."""
    entries: tuple[Rollback, ...]
    """One for each entry of the run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelledRun:
    """A run that was cancelled."""

    run_id: int
    """Number of the run."""


def cancel(
    run: RunArgument,
    config: options.ConfigOption = None,
    archive: options.OneArchiveOption = None,
    as_json: options.JsonOption = False,
    as_owner: AsOwnerOption = False,
) -> None:
    """Cancel a run after the entries in progress.

    Finished entries stay.
    """
    archive = chosen_archive(archive, config)
    write_as(archive, config_of(config), as_owner=as_owner)
    with options.open_station(config) as client:
        client.reprocessing(archive, actor=current_actor()).cancel(run)
    if as_json:
        print_json(CancelledRun(run_id=run))
    else:
        console.print(f"run {run} is cancelled")


def rollback(
    run: RunArgument,
    config: options.ConfigOption = None,
    archive: options.OneArchiveOption = None,
    yes: options.YesOption = False,
    as_json: options.JsonOption = False,
    as_owner: AsOwnerOption = False,
    actor: ActorOption = None,
) -> int:
    """Show the previous conversions again.

    Reports that the run has sent stay on the server, and are listed.
    """
    options.confirm(f"roll back the entries of run {run}", yes=yes)
    archive = chosen_archive(archive, config)
    write_as(archive, config_of(config), as_owner=as_owner)
    with options.open_station(config) as client:
        done = client.reprocessing(archive, actor=actor or current_actor()).rollback(run)
    back = [each for each in done if each.is_set_back]
    if as_json:
        print_json(RolledBackRun(run_id=run, set_back=len(back), entries=tuple(done)))
    else:
        console.print(f"{len(back)} of {len(done)} entries are rolled back")
        for each in done:
            if each.reason:
                console.print(printable(f"{each.archive_id}: {each.reason}"), soft_wrap=True, style="yellow")
            for report_id in each.submitted_ids:
                console.print(f"{each.archive_id}: the server has report {report_id}", soft_wrap=True)
    return 0 if len(back) == len(done) else 1
