"""``reprocess start`` and ``resume``: archived sources through today's converters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.output import console, progress
from pywats_archive.cli.place import chosen_archive, config_of
from pywats_archive.cli.reprocess.choice import Choice
from pywats_archive.cli.reprocess.drawing import report
from pywats_archive.cli.reprocess.words import ActorOption, RunArgument, place_words
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.models.operation.replay_mode import ReplayMode
from pywats_archive.portable.processes import lower_priority
from pywats_archive.portable.user import current_actor
from pywats_archive.reprocessing.rules import require_possible
from pywats_archive.words.text import counted, printable
from pywats_archive.words.times import when

if TYPE_CHECKING:
    from pywats_archive.client.plant.applying import FromPlan
    from pywats_archive.reprocessing.runner import OnProgress

ProcessesOption = Annotated[int, typer.Option(min=0, max=64, help="Number of converter processes; 0 is one per core.")]


def start(
    archive_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help=f"{options.ID_HELP} Or use filters, or --all:")
    ] = None,
    config: options.ConfigOption = None,
    archive: options.OneArchiveOption = None,
    from_: options.FromOption = None,
    to: options.ToOption = None,
    converter: options.ConverterOption = None,
    status: options.StatusOption = None,
    result: options.ResultOption = None,
    serial: options.SerialOption = None,
    part: options.PartOption = None,
    text: options.TextOption = None,
    mode: Annotated[
        ReplayMode, typer.Option(help="Which matching entries: all, failed, or failed and warned.")
    ] = ReplayMode.ALL,
    all_: Annotated[bool, typer.Option("--all", help="Every entry of the archive.")] = False,
    entries_of: Annotated[
        int | None, typer.Option(metavar="RUN", min=1, max=2**63 - 1, help="The entries of another run.")
    ] = None,
    from_plan: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="What 'plant replay' tried of this archive, with the same code."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=2**31, help="Only N of the entries, evenly spaced.")
    ] = None,
    seed: Annotated[str | None, typer.Option(metavar="SEED", help="Draw the sample at random, with this seed.")] = None,
    oldest_first: Annotated[bool, typer.Option("--oldest-first/--newest-first", help="Order of the entries.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; record and send nothing.")
    ] = False,
    converter_file: Annotated[
        str | None,
        typer.Option(metavar="FILE[:CLASS]", help="With --dry-run: try this converter file."),
    ] = None,
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
    reason: Annotated[
        str | None, typer.Option(metavar="REASON", help="Why; it is recorded, and a compliant archive requires it.")
    ] = None,
    stop_at_failure: Annotated[bool, typer.Option("--stop-at-failure", help="Stop after the first failure.")] = False,
    processes: ProcessesOption = 0,
    yes: options.YesOption = False,
    as_json: options.JsonOption = False,
    as_owner: AsOwnerOption = False,
) -> int:
    """Replay entries by id or filter.

    First with --dry-run, then without, then with --submit.
    """
    wanted = replace(
        options.entry_filter(from_, to, converter, status, serial, part), text=text, result=options.parse_result(result)
    )
    choice = Choice(
        named=archive_ids or (),
        wanted=wanted,
        mode=mode,
        is_all=all_,
        entries_of=entries_of,
        from_plan=from_plan,
        sample=sample,
        seed=seed,
        oldest_first=oldest_first,
    )
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
        reason=reason,
        converter_file=converter_file,
    )
    choice.require_possible()
    require_possible(request)
    if from_plan is not None and (converter_file is not None or original_converter):
        raise UsageError(
            "--from-plan: use no --converter-file and no --original-converter with it; the plan names the code"
        )
    archive = chosen_archive(archive, config)
    write_as(archive, config_of(config), as_owner=as_owner)
    with options.open_station(config) as client:
        engine = client.reprocessing(archive, actor=current_actor())
        with _plan(from_plan, engine.archive_uuid, config, dry_run=dry_run) as plan:
            if plan is not None:
                _ask_to_run(plan, yes=yes)
                request = replace(request, only_code=plan.only_code, converter_file=plan.converter_file)
                require_possible(request)
            ids, selection = choice.resolved(client, engine, plan)
            if not dry_run:
                _ask(ids, engine.estimate(ids, processes=processes), submit=submit, yes=yes, as_json=as_json)
            lower_priority()
            with _bar(len(ids)) as on_progress:
                request = replace(request, selection=selection)
                done = engine.start(ids, request, processes=processes, on_progress=on_progress)
    return report(done, as_json=as_json, place=place_words(archive, config))


def resume(
    run: RunArgument,
    config: options.ConfigOption = None,
    archive: options.OneArchiveOption = None,
    processes: ProcessesOption = 0,
    as_json: options.JsonOption = False,
    as_owner: AsOwnerOption = False,
    actor: ActorOption = None,
) -> int:
    """Resume a run that was stopped.

    Each entry is replayed once.
    """
    archive = chosen_archive(archive, config)
    write_as(archive, config_of(config), as_owner=as_owner)
    with options.open_station(config) as client:
        engine = client.reprocessing(archive, actor=actor or current_actor())
        lower_priority()
        with _bar(engine.run(run).planned) as on_progress:
            result = engine.resume(run, processes=processes, on_progress=on_progress)
    return report(result, as_json=as_json, place=place_words(archive, config))


@contextmanager
def _plan(run: str | None, archive_uuid: str, config: Path | None, *, dry_run: bool) -> Iterator[FromPlan | None]:
    if run is None:
        yield None
        return
    from pywats_archive.client.plant.applying import from_plan  # noqa: PLC0415 (seldom needed)

    with from_plan(run, archive_uuid, config=config_of(config), dry_run=dry_run) as plan:
        if plan.untried:
            left_out = counted(plan.untried, "entry", "entries")
            typer.echo(
                printable(f"replay {run}: skipped {left_out} of this archive, which are left out here"), err=True
            )
        yield plan


def _ask_to_run(plan: FromPlan, *, yes: bool) -> None:
    """Ask before code from the vault runs here: whoever may write to the vault decides what it is."""
    if plan.converter_file is not None:
        author = f"{plan.author} planned on {when(plan.planned_at)}"
        options.confirm(printable(f"Run the code {plan.only_code} from the vault, which {author}"), yes=yes)


def _ask(ids: list[str], estimate: timedelta, *, submit: bool, yes: bool, as_json: bool) -> None:
    if not as_json:
        fate = "sent" if submit else "kept, not sent"
        console.print(f"{counted(len(ids), 'entry', 'entries')}, about {_in_words(estimate)}; reports are {fate}")
    options.confirm("replay them", yes=yes)


@contextmanager
def _bar(total: int) -> Iterator[OnProgress]:
    with progress("replaying", lambda: total) as advance:
        yield lambda done, of, archive_id: advance(1)


def _in_words(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
