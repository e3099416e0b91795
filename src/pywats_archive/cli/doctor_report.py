"""What ``doctor`` found, for people: a line for each folder and each check, details on request, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from pywats_archive.cli.output import console
from pywats_archive.doctor.examination import Examination, Examined
from pywats_archive.doctor.findings import Check, Outcome, Result, Use
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.doctor.verdict import GUARANTEES, Level
from pywats_archive.words.text import counted, printable

_STYLES = {
    Level.FULL: "green",
    Level.GOOD: "yellow",
    Level.POOR: "red",
    Level.BROKEN: "bold red",
    Result.OK: "green",
    Result.WEAK: "yellow",
    Result.FAILED: "red",
    Result.SKIPPED: "dim",
    CheckLevel.OK: "green",
    CheckLevel.SKIPPED: "dim",
    CheckLevel.WARNING: "yellow",
    CheckLevel.FAILED: "bold red",
}
_LEVEL_WIDTH = 9
_NOT_YET = "not yet"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """A line of the report, and what to do about it."""

    level: Level | CheckLevel
    subject: str
    seen: str
    advice: str = ""


def draw(examination: Examination, *, verbose: bool, quick: bool, named: str) -> None:
    """Print the report; ``named`` are the options that name the same station in another verb."""
    if verbose:
        for folder in examination.folders:
            _draw_folder(folder)
    draw_findings(examination, verbose=verbose)
    _close(examination, quick=quick, named=named)


def draw_findings(examination: Examination, *, verbose: bool = False) -> None:
    """Print a line for each folder and each check."""
    _section("Folders", list(_folder_lines(examination.folders)))
    of_converters = [check for check in examination.checks if check.topic is Topic.CONVERTER]
    _section("Converters", [_check_line(check, check.subject, verbose=verbose) for check in of_converters])
    others = [check for check in examination.checks if check.topic is not Topic.CONVERTER]
    several = [check.topic for check in others if check.subject]
    _section("Station", [_named_line(check, several, verbose=verbose) for check in others])


def _section(title: str, lines: Sequence[_Line]) -> None:
    if not lines:
        return
    console.print(title, style="bold")
    width = max(len(line.subject) for line in lines)
    for line in lines:
        text = Text(f"  {line.level.value:<{_LEVEL_WIDTH}}", style=_STYLES[line.level])
        text.append(
            f"{line.subject:<{width}}  {line.seen}", style="dim" if line.level is CheckLevel.SKIPPED else "default"
        )
        console.print(text, soft_wrap=True)
        if line.advice:
            is_remark = line.level in (Level.FULL, CheckLevel.OK, CheckLevel.SKIPPED)
            style = "dim" if is_remark else _STYLES[line.level]
            console.print(f"  {'':<{_LEVEL_WIDTH}}{line.advice}", style=style, soft_wrap=True)
    console.print()


def _folder_lines(folders: Iterable[Examined]) -> Iterator[_Line]:
    """Yield a line for each folder; one for all folders of a converter that lie together and are *full*."""
    for key, group in groupby(folders, key=_together):
        members = list(group)
        if key is None or len(members) == 1:
            yield from map(_folder_line, members)
        else:
            converter, parent = key
            there = ", ".join(Path(each.findings.path).name for each in members if not _is_not_yet(each))
            later = ", ".join(Path(each.findings.path).name for each in members if _is_not_yet(each))
            names = (f": {there}" if there else "") + (f" ({_NOT_YET}: {later})" if later else "")
            yield _Line(level=Level.FULL, subject=printable(converter), seen=printable(f"{parent}{names}"))


def _together(examined: Examined) -> tuple[str, Path] | None:
    uses = examined.findings.uses
    if len(uses) != 1 or uses[0].converter is None or examined.verdict.level is not Level.FULL:
        return None
    return uses[0].converter, Path(examined.findings.path).parent


def _folder_line(examined: Examined) -> _Line:
    findings, verdict = examined.findings, examined.verdict
    remark = f" ({_NOT_YET})" if _is_not_yet(examined) else ""
    return _Line(
        level=verdict.level,
        subject=printable("; ".join(map(_use, findings.uses))),
        seen=printable(f"{findings.path}{remark}"),
        advice=_first_advice(examined),
    )


def _first_advice(examined: Examined) -> str:
    if examined.verdict.level is Level.FULL:
        return ""
    first, *others = (each for each in examined.verdict.advice if each.level is not Level.FULL)
    more = f" ({len(others)} more with -v)" if others else ""
    return printable(f"{first.means}. To do: {first.change}{more}")


def _use(use: Use) -> str:
    return f"{use.converter} {use.role.value}" if use.converter else use.role.value


def _is_not_yet(examined: Examined) -> bool:
    return any(_is_later(outcome) for outcome in examined.findings.outcomes) and examined.verdict.level is Level.FULL


def _is_later(outcome: Outcome) -> bool:
    return outcome.check is Check.THERE and outcome.result is Result.WEAK


def _named_line(check: StationCheck, several: Sequence[Topic], *, verbose: bool) -> _Line:
    seen = f"{check.subject}: {check.seen}" if several.count(check.topic) > 1 else check.seen
    return _check_line(check, check.topic.value, seen=seen, verbose=verbose)


def _check_line(check: StationCheck, subject: str, *, verbose: bool, seen: str | None = None) -> _Line:
    is_shown = check.advice and (verbose or not check.is_sound)
    advice = ("Remark: " if check.is_sound else "To do: ") + check.advice if is_shown else ""
    return _Line(
        level=check.level, subject=printable(subject), seen=printable(seen or check.seen), advice=printable(advice)
    )


def _close(examination: Examination, *, quick: bool, named: str) -> None:
    level, found = examination.level, [check for check in examination.checks if not check.is_sound]
    weak = [folder for folder in examination.folders if folder.verdict.level is not Level.FULL]
    if examination.is_healthy:
        scope = "All is well, as far as --quick checks" if quick else "All is well"
        console.print(f"{scope}: every file {GUARANTEES[level]}.", style="green")
        verb = "status" if examination.is_served or "--archive" in named else "run"
        console.print(printable(f"Next: pywats-archive {verb}{named}"), soft_wrap=True)
    else:
        parts = [f"{len(weak)} of {len(examination.folders)} folders (the weakest: {level.value}, {GUARANTEES[level]})"]
        where = (parts if weak else []) + ([counted(len(found), "check")] if found else [])
        worst = (
            _STYLES[CheckLevel.FAILED]
            if any(c.level is CheckLevel.FAILED for c in found)
            else _STYLES[CheckLevel.WARNING]
        )
        console.print(
            f"Something to do for {' and '.join(where)}.", style=_STYLES[level] if weak else worst, soft_wrap=True
        )
        console.print("Next: do what the lines above say, then run doctor again; -v shows all details")
    account = printable(examination.account)
    console.print(f"Checked as {account}; rights hold for the account that the service runs under.", style="dim")


def _draw_folder(examined: Examined) -> None:
    findings, verdict = examined.findings, examined.verdict
    console.print(printable(findings.path), style="bold", soft_wrap=True)
    console.print(printable("; ".join(map(_long_use, findings.uses))), style="dim", soft_wrap=True)
    console.print(f"{verdict.level.value}: {verdict.guarantee}", style=_STYLES[verdict.level])
    console.print(_checks(examined))
    for advice in verdict.advice:
        line = f"- {advice.means}. To do: {advice.change}."
        is_remark = advice.level is Level.FULL
        console.print(printable(line), style="dim" if is_remark else _STYLES[advice.level], soft_wrap=True)
    console.print()


def _long_use(use: Use) -> str:
    return f"{use.role.value} folder of {use.converter}" if use.converter else use.role.value


def _checks(examined: Examined) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("seen", overflow="fold")
    if system := examined.findings.file_system:
        table.add_row("file system", "", printable(f"{system.kind} at {system.mount_point}"))
    for outcome in examined.findings.outcomes:
        table.add_row(outcome.check.value, _result(examined, outcome), printable(outcome.told))
    return table


def _result(examined: Examined, outcome: Outcome) -> Text:
    if _is_later(outcome) and examined.verdict.level is Level.FULL:
        return Text("not yet", style="dim")
    return Text(outcome.result.value, style=_STYLES[outcome.result])
