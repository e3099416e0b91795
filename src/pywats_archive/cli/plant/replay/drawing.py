"""Drawing what a replay over many stations found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.table import Table

from pywats_archive.cli.output import console, facts
from pywats_archive.cli.reprocess.drawing import alike
from pywats_archive.models.plant.replay import (
    PlantReplay,
    PlantReplayResult,
    PlantReplayState,
    PlantVerdict,
    StationOutcome,
)
from pywats_archive.models.report import word_of
from pywats_archive.words.text import counted, printable, told_apart
from pywats_archive.words.times import when

_SHOWN = 30
_DIGITS = len("sha256:") + 12


def headline(replay: PlantReplay) -> str:
    """Return the state of a replay in one line."""
    of = f"{replay.done} of {counted(replay.segments, 'segment')}"
    state = {
        PlantReplayState.STARTED: f"{of} are done",
        PlantReplayState.DONE: "done, nothing was recorded or sent",
        PlantReplayState.CANCELLED: f"cancelled, {of} were done",
    }
    entries = f"{counted(replay.entries, 'entry', 'entries')} of {counted(replay.archives, 'archive')}"
    return f"replay {replay.run}: {entries}; {state[replay.state]}"


def exit_code(done: PlantReplayResult) -> int:
    """Return 1 if an entry failed or was skipped, or a segment could not be replayed."""
    return 1 if done.result.failed or done.result.skipped or done.unread else 0


def draw(done: PlantReplayResult) -> None:
    """Draw what a replay found so far."""
    result = done.result
    console.print(printable(headline(done.replay)), style="bold")
    console.print(facts(_facts(done)), soft_wrap=True)
    counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in result.by_comparison.items())
    console.print(f"{result.processed} of {counted(done.replay.entries, 'entry', 'entries')}: {counts or 'nothing'}")
    names = told_apart((each.station, each.archive_uuid) for each in done.stations)
    _draw_verdicts(done.verdicts, names)
    if result.changes:
        console.print("would change:")
    lines = list(alike(result.changes, result.processed))
    _draw_some([f"  {line}" for line in lines], "")
    _draw_some([f"{number} skipped: {reason}" for reason, number in result.skipped_because.items()], "yellow")
    _draw_some([f"{archive_id}: {error}" for archive_id, error in result.errors], "red")
    _draw_some([*done.replay.problems, *(f"not replayed: {each}" for each in done.unread)], "yellow")
    _draw_stations(done.stations, names)


def _facts(done: PlantReplayResult) -> Iterator[tuple[str, str]]:
    replay, code = done.replay, done.replay.code
    yield "vault", replay.vault
    yield "started", f"{when(replay.created_at)} by {replay.actor}"
    begin = when(replay.from_date) if replay.from_date else "the first"
    end = when(replay.to_date) if replay.to_date else "the last"
    yield "sources", f"of {replay.converter_name}, from {begin} to {end}"
    kind = "not installed" if code.is_candidate else code.distribution or "as it converted last"
    yield "code", f"{code.class_name} {code.version}, {code.fingerprint[:_DIGITS]} ({kind})"


def _draw_verdicts(verdicts: Sequence[PlantVerdict], names: Mapping[str, str]) -> None:
    turns: dict[tuple[str, str, str], list[str]] = {}
    for each in verdicts:
        serial = each.serial_number or each.archive_id
        turns.setdefault((names[each.archive_uuid], each.old_verdict, each.new_verdict), []).append(serial)
    for (station, old, new), serials in sorted(turns.items()):
        more = f", and {len(serials) - _SHOWN} more" if len(serials) > _SHOWN else ""
        unit = counted(len(serials), "unit")
        line = (
            f"! {station}: {unit} would turn from {word_of(old)} to {word_of(new)}: {', '.join(serials[:_SHOWN])}{more}"
        )
        console.print(printable(line), soft_wrap=True, style="bold red")


def _draw_some(lines: Sequence[str], style: str) -> None:
    for line in lines[:_SHOWN]:
        console.print(printable(line), soft_wrap=True, style=style)
    if len(lines) > _SHOWN:
        console.print(f"... and {len(lines) - _SHOWN} more; --json has all")


def _draw_stations(stations: Sequence[StationOutcome], names: Mapping[str, str]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    for column in ("station", "entries", "changed", "turned", "failed", "skipped"):
        table.add_column(column, justify="left" if column == "station" else "right", no_wrap=True)
    for each in stations:
        numbers = (each.entries, each.changed, each.verdicts, each.failed, each.skipped)
        table.add_row(printable(names[each.archive_uuid]), *map(str, numbers))
    if stations:
        console.print(table)
