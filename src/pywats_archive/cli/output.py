"""Drawing answers: tables for people, one JSON document for programs."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from pywats_archive.words.text import printable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from pywats_archive.models.operation.integrity import OnProgress

SCHEMA = 1
"""The version of the JSON documents. A field that is added does not change it; one that is renamed or removed does."""
_WIDTH_WITHOUT_TERMINAL = 160
_IS_TERMINAL = sys.stdout is not None and sys.stdout.isatty()
console = Console(highlight=False, markup=False, emoji=False, width=None if _IS_TERMINAL else _WIDTH_WITHOUT_TERMINAL)


def print_json(document: DataclassInstance) -> None:
    """Write the one JSON document of a verb, ASCII, to stdout: ``schema``, then the fields of the dataclass."""
    sys.stdout.write(_json({"schema": SCHEMA, **values_of(document)}, indent=2) + "\n")


def print_json_items(name: str, items: Iterable[DataclassInstance]) -> None:
    """Write the one JSON document of a verb whose only field is a list, item by item: memory is that of one item."""
    sys.stdout.write(f'{{\n  "schema": {SCHEMA},\n  "{name}": [')
    separator = "\n"
    for item in items:
        sys.stdout.write(f"{separator}    {_json(values_of(item))}")
        separator = ",\n"
    sys.stdout.write(f"{'' if separator == chr(10) else chr(10) + '  '}]\n}}\n")


def print_json_line(document: DataclassInstance) -> None:
    """Write one document of a stream as a line, with ``schema`` as each document has it, and flush it."""
    sys.stdout.write(_json({"schema": SCHEMA, **values_of(document)}) + "\n")
    sys.stdout.flush()


def values_of(value: DataclassInstance) -> dict[str, Any]:
    """Return the fields of a dataclass with their values."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _json(value: Any, *, indent: int | None = None) -> str:
    try:
        return json.dumps(value, default=_plain, indent=indent, allow_nan=False)
    except ValueError:  # a report may contain NaN or Infinity, which JSON does not have: they become strings
        spelled = json.loads(json.dumps(value, default=_plain), parse_constant=str)
        return json.dumps(spelled, indent=indent)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return values_of(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


@contextmanager
def progress(what: str, total: Callable[[], int]) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr if it is a terminal; yield the function to advance it. ``total`` is only called then.

    At a terminal for both, ``console`` draws it, so that a line printed meanwhile gets a place of its own above the bar.
    """
    if not sys.stderr.isatty():
        yield lambda steps: None
        return
    expected, done = total(), 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps  # may exceed what was counted: a service archives meanwhile, and a missing blob counts too
        update(done, max(expected, done))

    with progress_of(what) as update:
        advance(0)
        yield advance


@contextmanager
def progress_of(what: str) -> Iterator[OnProgress]:
    """Show a progress bar as ``progress`` does; yield the function that gets how much is done, and of how much."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.progress import (  # noqa: PLC0415 (slow to import)
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console if _IS_TERMINAL else Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def facts(pairs: Iterable[tuple[str, str]]) -> Table:
    """Draw names and values in two columns."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, printable(value))
    return table
