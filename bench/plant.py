"""(o) The index of a plant: filling it, bytes, memory, and questions. ``python -m bench plant --stations 100 --rows 10000000``.

Segments of ``stations`` and ``days`` are read as they would be at a plant; to ``rows`` entries the index is grown by its own
writer. Bounds of questions are on the clock, since a person waits for it: the best of seven rounds. Those of filling are on
processor time. Memory is that of a whole process.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from bench import plant_grown
from bench.figures import Board, Figure, folder
from bench.plant_process import measured
from bench.plant_segments import FIRST_SERIAL, Plant, measured_shape
from pywats_archive.plant import manifest as manifests
from pywats_archive.plant.rows import ENTRIES

_LAST = datetime(2026, 5, 31, tzinfo=timezone.utc)
"""The day that is added; the last of its month, whose file is the largest then."""
_DAY_S, _DAY_ENTRIES, _ENTRY_BYTES, _MOST_MB = 10, 100_000, 100, 300
_SERIAL_S, _RARE_S, _BY_DAY_S = 0.2, 0.5, 0.5
_LINKED_SERIAL_S, _LINKED_RARE_S = 1.0, 1.5
"""For ten times as many rows."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large the plant is."""

    stations: int
    days: int
    rows: int
    links: int
    """How often the files of the index are linked for a larger one; 0 for none."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, and the seconds that it may take (None: no bound)."""

    name: str
    act: str
    argument: dict[str, Any]
    most_s: float | None = None
    linked_most_s: float | None = None


def plant(board: Board, sizes: Sizes) -> None:
    """(o) Measure all of it."""
    with folder() as base:
        (base / "station").mkdir()
        vault, index = base / "vault", base / "index"
        made = Plant(vault, measured_shape(base / "station"), sizes.stations)
        first_day = _LAST - timedelta(days=sizes.days)
        for day in range(sizes.days):
            made.add_day(first_day + timedelta(days=day))
        _from_nothing(board, vault, index)
        entries = plant_grown.grow(index, sizes.rows, first_day, sizes.days)
        _bytes(board, index)
        added = made.add_day(_LAST)
        _day(board, vault, index, added, entries)
        questions = _questions(sizes)
        _ask(board, index, questions, entries + added)
        _merge(board, vault, index, _LAST + timedelta(days=1), "of a day into the months")
        if sizes.links:
            linked = _linked(index, sizes.links)
            _ask(board, linked, questions, sizes.links * (entries + added), links=sizes.links)


def _from_nothing(board: Board, vault: Path, index: Path) -> None:
    """Read all segments, beside a plain program that reads the same lines."""
    done = measured("index", index, vault=str(vault), now=(_LAST - timedelta(hours=1)).isoformat())
    plain = measured("plain", vault)
    assert done["found"] == plain["found"], (done, plain)
    details = _times(done) | {"rows": done["found"], "rows_a_processor_s": round(done["found"] / done["processor_s"])}
    details |= {"plain_processor_s": round(plain["processor_s"], 2), "load": round(os.getloadavg()[0], 1)}
    name = "processor time of an index from nothing over reading the same lines as JSON"
    board.add(Figure(figure="o", name=name, ratio=done["processor_s"] / plain["processor_s"], details=details))
    _memory(board, "an index from nothing", {"index": done})
    _merge(board, vault, index, _LAST + timedelta(hours=1), "of the first days")


def _merge(board: Board, vault: Path, index: Path, now: datetime, what: str) -> None:
    """Let the first run of the next day merge what the day before added."""
    done = measured("index", index, vault=str(vault), now=now.isoformat())
    assert done["found"] == 0, done
    _memory(board, f"the merge {what}", {"merge": done})


def _bytes(board: Board, index: Path) -> None:
    """Compare the files with the number of entries; the reports of an entry count to it."""
    manifest = manifests.require(index)
    sizes = {table: sum((index / each.name).stat().st_size for each in manifest.of(table)) for table in _TABLES}
    entries = sum(each.rows for each in manifest.of(ENTRIES))
    details = {"entries": entries, **{table: round(size / entries, 1) for table, size in sizes.items()}}
    name = f"bytes of an entry with its reports, of {_ENTRY_BYTES}"
    ratio = sum(sizes.values()) / entries / _ENTRY_BYTES
    board.add(Figure(figure="o", name=name, ratio=ratio, bound="<= 1", details=details))


_TABLES = ("entries", "reports")


def _day(board: Board, vault: Path, index: Path, added: int, entries: int) -> None:
    """Add a day of all stations."""
    now = _LAST + timedelta(hours=23)
    done = measured("index", index, vault=str(vault), now=now.isoformat())
    most_s = _DAY_S * added / _DAY_ENTRIES
    details = _times(done) | {"entries": added, "before": entries}
    name = f"processor time of a day of {added:,} entries into {entries:,}, of {most_s:g} s"
    board.add(Figure(figure="o", name=name, ratio=done["processor_s"] / most_s, bound="<= 1", details=details))
    _memory(board, "a day", {"day": done})


def _questions(sizes: Sizes) -> list[Question]:
    day = {"from_date": _LAST.isoformat(), "to_date": (_LAST + timedelta(days=1)).isoformat()}
    serial, line = f"SN{FIRST_SERIAL + 4711}", FIRST_SERIAL + 711
    month = {"to": (_LAST + timedelta(days=1)).isoformat(), "days": 30}
    return [
        Question(
            name="serial number",
            act="find",
            argument={"serial_number": serial},
            most_s=_SERIAL_S,
            linked_most_s=_LINKED_SERIAL_S,
        ),
        Question(name="serial prefix", act="find", argument={"serial_number": f"{serial[:-2]}*"}),
        Question(
            name="rare error text",
            act="find",
            argument={"error": f"line {line // 1000}*"},
            most_s=_RARE_S,
            linked_most_s=_LINKED_RARE_S,
        ),
        Question(name="newest 50 with a word", act="find", argument={"text": "header"}),
        Question(name="a station's day", act="find", argument={"station": "fct-003", **day}),
        Question(name="failed of a day by converter", act="failed", argument={"day": _LAST.isoformat()}),
        Question(name="status by day, 30 days", act="by_day", argument=month, most_s=_BY_DAY_S),
        Question(name="entry by its id", act="show", argument={"serial": serial}),
        Question(name="plant stats", act="statistics", argument={}),
        Question(name="plant stations", act="stations", argument={}),
    ]


def _ask(board: Board, index: Path, questions: list[Question], entries: int, *, links: int = 0) -> None:
    """Ask each question in a process of its own."""
    took = {each.name: measured(each.act, index, **each.argument) for each in questions}
    for each in questions:
        done, most_s = took[each.name], each.linked_most_s if links else each.most_s
        assert done["found"], each
        limit = f", of {most_s:g} s" if most_s else ", in s"
        name = f"{each.name}, {entries:,} entries{f' by {links} links' if links else ''}{limit}"
        ratio, bound = done["s"] / (most_s or 1), "<= 1" if most_s else None
        board.add(Figure(figure="o", name=name, ratio=ratio, bound=bound, details=_times(done)))
    _memory(board, f"questions over {entries:,} entries", took)


def _memory(board: Board, what: str, took: dict[str, dict[str, float]]) -> None:
    """Add the memory of the largest of some processes."""
    details: dict[str, Any] = {name: round(done["most_mb"]) for name, done in took.items()}
    if len(took) == 1:
        details |= next(_times(done) for done in took.values())
    most = max(done["most_mb"] for done in took.values())
    name = f"memory of {what}, of {_MOST_MB} MB"
    board.add(Figure(figure="o", name=name, ratio=most / _MOST_MB, bound="<= 1", details=details))


def _times(done: dict[str, float]) -> dict[str, float]:
    return {
        name: round(done[name], 3)
        for name in ("s", "processor_s", "first_s")
        if done["rounds"] > 1 or name != "first_s"
    }


def _linked(index: Path, links: int) -> Path:
    """Make an index whose files are those of another one, several times each."""
    made = index.with_name("linked")
    manifest = manifests.require(index)
    files = []
    for number, each in enumerate(manifest.files * links):
        name = f"{Path(each.name).parent}/{number:08}.{each.table}.parquet"
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).hardlink_to(index / each.name)
        files.append(each.model_copy(update={"name": name}))
    manifests.save(made, manifest.model_copy(update={"files": tuple(files)}))
    return made
