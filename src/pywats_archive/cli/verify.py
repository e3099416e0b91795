"""``verify``: checks that everything archived is unchanged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.output import console, print_json, progress
from pywats_archive.cli.place import chosen_archive, config_of
from pywats_archive.cli.reprocess.drawing import report
from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.integrity import Checked, HistoryChecked, Problem, Thoroughness
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.models.query import EntryFilter
from pywats_archive.portable.user import current_actor
from pywats_archive.reprocessing import selection
from pywats_archive.words.extent import erasures, extent
from pywats_archive.words.text import printable


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What a check found."""

    checked: int
    """Number of blobs that were checked."""
    problems: tuple[Problem, ...]
    """The problems found; empty if everything is sound."""
    histories: tuple[HistoryChecked, ...] = ()
    """The extent of the check of each archive's history."""
    notes: tuple[str, ...] = ()
    """Facts that are no problems: changes of the signing key, anchors in the archive, and folders that were not compared."""


def verify(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    quick: Annotated[bool, typer.Option("--quick", help="Check only names, sizes and headers.")] = False,
    chain: Annotated[
        bool, typer.Option("--chain", help="Check only the history, and the rows of the catalog against it.")
    ] = False,
    sample: Annotated[
        str | None, typer.Option(metavar="N%", help="Read N % of the blobs whole, and only the headers of the others.")
    ] = None,
    seed: Annotated[str | None, typer.Option(help="Seed of the sample; default: today's date.")] = None,
    reproduce: Annotated[
        str | None,
        typer.Option(
            metavar="SAMPLE",
            help="Instead, replay N (or N%) entries as they were converted.",
        ),
    ] = None,
    anchor: Annotated[
        list[Path] | None,
        typer.Option("--anchor", metavar="PATH", help="Compare the history with the anchors in this file or folder."),
    ] = None,
    tsa_certificate: Annotated[
        Path | None,
        typer.Option("--tsa-certificate", metavar="PEM", help="Accept time stamps only if this authority signed them."),
    ] = None,
    as_owner: AsOwnerOption = False,
    as_json: options.JsonOption = False,
) -> int:
    """Check all that is archived for changes.

    Every blob is compared with its checksum, every file with its row, every row with the history. The history's chain is
    followed and compared with anchors: those of --anchor, of the configured anchor_folders, and in the blobs; and with the
    archive's time stamps.
    """
    if reproduce:  # records a dry run
        archive = chosen_archive(archive, config)
        write_as(archive, config_of(config), as_owner=as_owner)
        return _reproduce(archive, config, reproduce, seed or _today(), as_json=as_json)
    thoroughness = _thoroughness(quick, chain, sample, seed)
    _require_there("--anchor", *anchor or ())
    _require_there("--tsa-certificate", *[tsa_certificate] if tsa_certificate else [])
    checked, problems, histories, notes = 0, list[Problem](), list[HistoryChecked](), list[str]()
    with options.open_client(archive, config) as client:
        authorities = [tsa_certificate] if tsa_certificate else []
        checks = client.verify(thoroughness, anchors=anchor or (), tsa_certificates=authorities)
        for found in _watched(client, checks):
            checked += found.blobs
            if found.history:
                histories.append(found.history)
            notes += [found.note] if found.note else []
            if found.problem:
                problems.append(found.problem)
                if not as_json:
                    show_problem(found.problem)
    if as_json:
        print_json(Verified(checked=checked, problems=tuple(problems), histories=tuple(histories), notes=tuple(notes)))
    else:
        for note in (*notes, *(line for each in histories for line in erasures(each)), *map(extent, histories)):
            console.print(printable(note), soft_wrap=True, markup=False)
        _sum_up(checked, len(problems), thoroughness)
    return 1 if problems else 0


def _reproduce(archive: Path | None, config: Path | None, sample: str, seed: str, *, as_json: bool) -> int:
    """Replay some entries as they were converted; 1 when a report comes out differently, or cannot be reproduced."""
    with options.open_station(config) as client:
        engine = client.reprocessing(archive, actor=current_actor())
        wanted = EntryFilter(status=ConversionStatus.SUCCESS)
        every = engine.select(wanted)
        number = (
            round(len(every) * options.percent_of(sample, "--reproduce") / 100)
            if sample.endswith("%")
            else _number(sample)
        )
        ids = selection.sample(every, max(number, 1), seed=seed)
        chosen = selection.sampled(selection.by_filter(wanted), max(number, 1), of=len(every), seed=seed)
        request = ReplayRequest(
            dry_run=True, use_current_converter=False, use_current_parameters=False, selection=chosen
        )
        with progress("replaying", lambda: len(ids)) as advance:
            result = engine.start(ids, request, on_progress=lambda *_: advance(1))
    return report(result, as_json=as_json, is_check=True)


def _require_there(option: str, *paths: Path) -> None:
    for path in paths:
        if not path.exists():
            raise UsageError(f"{option}: there is no file or folder {path}; check the path, or mount its disk or share")


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"invalid --reproduce '{text}'; use a number, or a percentage such as 5%")
    return int(text)


def _today() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%d}"


def show_problem(problem: Problem) -> None:
    """Print one problem as a line."""
    console.print(printable(f"{problem.kind.value}: {problem.message}"), soft_wrap=True, style="red", markup=False)


def _watched(client: Client, checks: Iterable[Checked]) -> Iterator[Checked]:
    """Show a bar on a terminal meanwhile."""
    with progress("checking", client.count_files) as advance:
        for found in checks:
            advance(found.blobs)
            yield found


def _thoroughness(quick: bool, chain: bool, sample: str | None, seed: str | None) -> Thoroughness:
    asked = [name for name, is_set in (("--quick", quick), ("--chain", chain), ("--sample", sample)) if is_set]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)}: use one of them, not {'all' if len(asked) > 2 else 'both'}")
    percent = options.percent_of(sample, "--sample") if sample else 100.0
    return Thoroughness(quick=quick, chain=chain, sample_percent=percent, seed=seed if seed is not None else _today())


def _sum_up(checked: int, problems: int, thoroughness: Thoroughness) -> None:
    whole = thoroughness.sample_percent
    how = (
        " by header and end only"
        if thoroughness.quick
        else f", {whole:g} % of them read completely"
        if whole < 100
        else ""
    )
    what = "history and rows checked" if thoroughness.chain else f"{checked} blobs checked{how}"
    if problems:
        console.print(f"{what}: {problems} problem{'s'[: problems != 1]} found", style="bold red")
    else:
        console.print(f"{what}: everything is sound", style="green")
