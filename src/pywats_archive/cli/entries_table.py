"""Entries as a table that fits the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from pywats_archive.cli.output import console
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import UnitResult
from pywats_archive.models.time import utc_now
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import WithSource, name_of, printable
from pywats_archive.words.times import brief

_LONGEST = 28
"""Characters of a name; a longer one is cut or folded, rather than that other columns are left out."""
_GAP = 3
"""Columns have a space at each side, and a third one for the line that this kind of table does not draw."""
_STATUS_STYLES = {
    ConversionStatus.SUCCESS: "green",
    ConversionStatus.FAILED: "red",
    ConversionStatus.SUSPENDED: "yellow",
    ConversionStatus.REJECTED: "yellow",
    ConversionStatus.SKIPPED: "dim",
    ConversionStatus.PENDING: "cyan",
}
_CONVERTED = {ConversionStatus.SUCCESS: "yes", ConversionStatus.FAILED: "failed"}
_RESULT_STYLES = {UnitResult.PASSED: "green", UnitResult.DONE: "green"}
_MARKS = {"!": "with warnings", "+": "with further reports", "h": "held", "p": "purged"}


class Listed(WithSource, Protocol):
    """What the table shows of an entry, of a station or of a plant."""

    @property
    def archive_id(self) -> str: ...
    @property
    def converter_name(self) -> str: ...
    @property
    def source_size_bytes(self) -> int: ...
    @property
    def conversion_timestamp(self) -> datetime: ...
    @property
    def conversion_status(self) -> ConversionStatus: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...
    @property
    def report_count(self) -> int: ...
    @property
    def serial_number(self) -> str | None: ...
    @property
    def part_number(self) -> str | None: ...
    @property
    def result(self) -> UnitResult | None: ...
    @property
    def hold_reason(self) -> str | None: ...
    @property
    def purged_at(self) -> datetime | None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Column:
    """One column; of those that do not fit, the one with the highest ``drop`` goes first, and those with 0 never."""

    name: str
    cell: Callable[[Any], str | Text]
    drop: int = 0
    is_number: bool = False
    may_fold: bool = False


def draw(entries: Sequence[Listed], *, utc: bool = False, of_plant: bool = False) -> None:
    """Print entries as a table, with a line on the marks that occur; those of a plant with their stations.

    What does not fit is left out, in this order: report id, compressed size, archive id, size, part number, source, id, marks,
    converted. Time, converter, serial number and result stay; a serial number or converter that is too long is folded.
    """
    fitting = _fitting(_columns(utc=utc, now=utc_now(), of_plant=of_plant), entries, console.width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in fitting:
        table.add_column(
            column.name,
            justify="right" if column.is_number else "left",
            width=None if column.may_fold else _width(column, entries),  # rich would measure each cell again
            no_wrap=not column.may_fold,
            overflow="fold",
        )
    for entry in entries:
        table.add_row(*(column.cell(entry) for column in fitting))
    console.print(table)
    marks = {mark for entry in entries for mark in _marks(entry)} if any(c.name == "" for c in fitting) else set()
    if marks:
        console.print(", ".join(f"{mark} {meaning}" for mark, meaning in _MARKS.items() if mark in marks), style="dim")


def _columns(*, utc: bool, now: datetime, of_plant: bool) -> list[_Column]:
    """Return all columns; the index of a plant has neither compressed sizes nor, in its entries, the ids of reports."""
    station = _Column(name="station", cell=lambda entry: printable(entry.station), may_fold=True)
    of_archive = [
        _Column(name="compressed", cell=lambda entry: human_size(entry.compressed_size_bytes), drop=8, is_number=True),
        _Column(name="report id", cell=lambda entry: entry.report_id or "-", drop=9),
    ]
    return [
        _Column(name="time", cell=lambda entry: brief(entry.conversion_timestamp, now=now, utc=utc)),
        *([station] if of_plant else []),
        _Column(name="converter", cell=lambda entry: printable(entry.converter_name), may_fold=True),
        _Column(name="serial number", cell=lambda entry: printable(entry.serial_number or "-"), may_fold=True),
        _Column(name="result", cell=result_text),
        _Column(name="converted", cell=_status, drop=1),
        _Column(name="", cell=_marks, drop=2),
        _Column(name="id", cell=lambda entry: entry.archive_id.rpartition("_")[2], drop=3),
        _Column(name="source", cell=lambda entry: _cut(printable(name_of(entry))), drop=4),
        _Column(name="part number", cell=lambda entry: printable(entry.part_number or "-"), drop=5),
        _Column(name="size", cell=lambda entry: human_size(entry.source_size_bytes), drop=6, is_number=True),
        _Column(name="archive id", cell=lambda entry: entry.archive_id, drop=7),
        *([] if of_plant else of_archive),
    ]


def _fitting(columns: list[_Column], entries: Sequence[Listed], width: int) -> list[_Column]:
    """Return the columns that fit together; the short id stands only for the whole one."""
    widths = {column.name: _width(column, entries) + _GAP for column in columns}
    shown = list(columns)
    while sum(widths[column.name] for column in _shown_once(shown)) - 1 > width and any(c.drop for c in shown):
        shown.remove(max(shown, key=lambda column: column.drop))
    return _shown_once(shown)


def _width(column: _Column, entries: Sequence[Listed]) -> int:
    widest = max(cell_len(column.name), *(cell_len(str(column.cell(entry))) for entry in entries))
    return min(widest, _LONGEST) if column.may_fold else widest


def _shown_once(columns: list[_Column]) -> list[_Column]:
    has_whole = any(column.name == "archive id" for column in columns)
    return [column for column in columns if not (has_whole and column.name == "id")]


def _marks(entry: Listed) -> str:
    marks = {"!": entry.warnings, "+": entry.report_count > 1, "h": entry.hold_reason, "p": entry.purged_at}
    return "".join(mark for mark, applies in marks.items() if applies)


def result_text(entry: Listed) -> Text:
    """Return the result of the unit, in its colour."""
    result = entry.result
    return (
        Text(result.value.capitalize(), style=_RESULT_STYLES.get(result, "red")) if result else Text("-", style="dim")
    )


def _status(entry: Listed) -> Text:
    status = entry.conversion_status
    return Text(_CONVERTED.get(status, status.value.lower()), style=_STATUS_STYLES[status])


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
