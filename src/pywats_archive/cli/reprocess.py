"""``reprocess``: archived sources through today's converters, and what changes before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.output import console, print_json, printable, progress, when
from pywats_archive.cli.replays import draw_item, report, write_csv
from pywats_archive.cli.restore import current_user
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.replay import ReplayMode, ReplayRequest
from pywats_archive.models.query import EntryFilter
from pywats_archive.portable.processes import lower_priority
from pywats_archive.reprocessing.runner import OnProgress

app = typer.Typer(
    help="Replay archived sources, see what changes, then send the reports.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
RunArgument = Annotated[int, typer.Argument(metavar="RUN", min=1, max=2**63 - 1, help="Number of the run.")]
ProcessesOption = Annotated[int, typer.Option(min=0, max=64, help="Number of converter processes; 0 is one per core.")]


@app.command("start")
def start(
    archive_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help=f"{options.ID_HELP} Or use filters:")
    ] = None,
    config: options.ConfigOption = None,
    archive: options.OneArchiveOption = None,
    from_: options.FromOption = None,
    to: options.ToOption = None,
    converter: options.ConverterOption = None,
    status: options.StatusOption = None,
    serial: options.SerialOption = None,
    part: options.PartOption = None,
    text: Annotated[str | None, typer.Option(help="Words in errors, names, serial or part numbers.")] = None,
    mode: Annotated[
        ReplayMode, typer.Option(help="Which matching entries: all, failed, or failed and warned.")
    ] = ReplayMode.ALL,
    oldest_first: Annotated[bool, typer.Option("--oldest-first/--newest-first", help="Order of the entries.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; record and send nothing.")
    ] = False,
    original_converter: Annotated[
        bool, typer.Option("--original-converter", help="Only with the original converter code.")
    ] = False,
    allow_version: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="Version to use if the original package is no longer installed."),
    ] = None,
    original_parameters: Annotated[
        bool, typer.Option("--original-parameters", help="With the recorded arguments; secrets are the current ones.")
    ] = False,
    submit: Annotated[bool, typer.Option("--submit", help="Send changed reports through the outbox.")] = False,
    new_id: Annotated[
        bool, typer.Option("--new-id", help="Give the reports new ids, so that the old ones stay on the server.")
    ] = False,
    allow_verdict_change: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Also send reports whose verdict changes; the reason is recorded."),
    ] = None,
    allow_unit_change: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Allow a report to replace the only one with another serial number."),
    ] = None,
    stop_at_failure: Annotated[bool, typer.Option("--stop-at-failure", help="Stop after the first failure.")] = False,
    processes: ProcessesOption = 0,
    yes: options.YesOption = False,
    as_json: options.JsonOption = False,
    as_owner: AsOwnerOption = False,
) -> int:
    """Replay entries by id or filter: first with --dry-run, then without, then with --submit."""
    wanted = options.entry_filter(from_, to, converter, status, serial, part)
    if archive_ids and (wanted != EntryFilter() or text is not None or mode is not ReplayMode.ALL):
        raise UsageError("reprocess start: use ids or filters, not both")
    request = ReplayRequest(
        dry_run=dry_run,
        use_current_converter=not original_converter,
        allow_version=allow_version,
        use_current_parameters=not original_parameters,
        submit_to_server=submit,
        new_id=new_id,
        allow_verdict_change=allow_verdict_change,
        allow_unit_change=allow_unit_change,
        stop_at_failure=stop_at_failure,
    )
    write_as(archive, config or options.default_config(), as_owner=as_owner)
    with options.open_station(config) as client:
        engine = client.reprocessing(archive, actor=current_user())
        if archive_ids:
            ids = options.chosen(client, archive_ids)
        else:
            ids = engine.select(replace(wanted, text=text, newest_first=not oldest_first), mode)
        if not ids:
            raise UsageError("reprocess start: no entry matches")
        if not dry_run:
            _ask(ids, engine.estimate(ids, processes=processes), submit=submit, yes=yes, as_json=as_json)
        lower_priority()
        with _bar(len(ids)) as on_progress:
            result = engine.start(ids, request, processes=processes, on_progress=on_progress)
    return report(result, as_json=as_json)


@app.command("resume")
def resume(
    run: RunArgument,
    config: options.ConfigOption = None,
    archive: options.OneArchiveOption = None,
    processes: ProcessesOption = 0,
    as_json: options.JsonOption = False,
    as_owner: AsOwnerOption = False,
) -> int:
    """Resume a run that was stopped; each entry is replayed once."""
    write_as(archive, config or options.default_config(), as_owner=as_owner)
    with options.open_station(config) as client:
        engine = client.reprocessing(archive, actor=current_user())
        lower_priority()
        with _bar(engine.run(run).planned) as on_progress:
            result = engine.resume(run, processes=processes, on_progress=on_progress)
    return report(result, as_json=as_json)


@app.command("list")
def list_runs(
    config: options.ConfigOption = None, archive: options.OneArchiveOption = None, as_json: options.JsonOption = False
) -> None:
    """List the runs, newest first."""
    with options.open_station(config) as client:
        found = client.reprocessing(archive, actor=current_user()).runs()
    if as_json:
        print_json({"runs": found})
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("run", "begun", "by", "state", "done", "skipped", "planned", "how"):
        table.add_column(column, justify="right" if column in ("run", "done", "skipped", "planned") else "left")
    for each in found:
        how = ", ".join(key for key, value in each.request.items() if value and not key.startswith("use_current"))
        counts = (str(number) for number in (each.done, each.skipped, each.planned))
        table.add_row(str(each.run_id), when(each.created_at), printable(each.actor), each.state.value, *counts, how)
    console.print(table)


@app.command("show")
def show(
    run: RunArgument,
    config: options.ConfigOption = None,
    archive: options.OneArchiveOption = None,
    as_json: options.JsonOption = False,
) -> int:
    """Show what a run did so far."""
    with options.open_station(config) as client:
        result = client.reprocessing(archive, actor=current_user()).result(run)
    return report(result, as_json=as_json)


@app.command("diff")
def diff(
    run: RunArgument,
    archive_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only this entry.")] = None,
    config: options.ConfigOption = None,
    archive: options.OneArchiveOption = None,
    to_csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write each change as a line of a CSV file.")
    ] = None,
    volatile: Annotated[
        bool, typer.Option("--volatile", help="Also show ids and conversion times, which always differ.")
    ] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Show every field that a run changes, entry by entry."""
    with options.open_station(config) as client:
        every = client.reprocessing(archive, actor=current_user()).items(run)
        archive_id = archive_id and client.resolve(archive_id)
        items = [item for item in every if archive_id in (None, item.archive_id)]
    if not volatile:
        items = [replace(item, volatile=()) for item in items]
    if archive_id and not items:
        raise UsageError(f"run {run} has no entry '{archive_id}'")
    if to_csv:
        write_csv(to_csv, items)
    if as_json:
        print_json({"run_id": run, "items": items})
    elif not to_csv:
        for item in items:
            draw_item(item)


@app.command("cancel")
def cancel(
    run: RunArgument,
    config: options.ConfigOption = None,
    archive: options.OneArchiveOption = None,
    as_owner: AsOwnerOption = False,
) -> None:
    """Cancel a run after the entries in progress; finished entries stay."""
    write_as(archive, config or options.default_config(), as_owner=as_owner)
    with options.open_station(config) as client:
        client.reprocessing(archive, actor=current_user()).cancel(run)
    console.print(f"run {run} is cancelled")


@app.command("rollback")
def rollback(
    run: RunArgument,
    config: options.ConfigOption = None,
    archive: options.OneArchiveOption = None,
    yes: options.YesOption = False,
    as_json: options.JsonOption = False,
    as_owner: AsOwnerOption = False,
) -> int:
    """Roll back a run: every entry shows its previous conversion again. Reports that were sent stay sent, and are listed."""
    options.confirm(f"set the entries of run {run} back", yes=yes)
    write_as(archive, config or options.default_config(), as_owner=as_owner)
    with options.open_station(config) as client:
        done = client.reprocessing(archive, actor=current_user()).rollback(run)
    back = [each for each in done if each.is_set_back]
    if as_json:
        print_json({"run_id": run, "set_back": len(back), "entries": done})
    else:
        console.print(f"{len(back)} of {len(done)} entries are rolled back")
        for each in done:
            if each.reason:
                console.print(printable(f"{each.archive_id}: {each.reason}"), soft_wrap=True, style="yellow")
            for report_id in each.submitted_ids:
                console.print(f"{each.archive_id}: the server has report {report_id}", soft_wrap=True)
    return 0 if len(back) == len(done) else 1


def _ask(ids: list[str], estimate: timedelta, *, submit: bool, yes: bool, as_json: bool) -> None:
    if not as_json:
        console.print(
            f"{len(ids)} entries, about {_in_words(estimate)}; reports are {'sent' if submit else 'kept, not sent'}"
        )
    options.confirm("replay them", yes=yes)


@contextmanager
def _bar(total: int) -> Iterator[OnProgress]:
    with progress("replaying", lambda: total) as advance:
        yield lambda done, of, archive_id: advance(1)


def _in_words(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
