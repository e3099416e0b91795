"""(f) The history: ``verify --chain`` over a million events, and what the digests of rows cost a file that is archived."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.catalog import add_entry
from bench.figures import Board, Figure, folder, median_ratio
from bench.material import csv
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.catalog import arrivals, events
from pywats_archive.catalog.binding.noting import Noted
from pywats_archive.catalog.engine import Catalog
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.event import Event

_EVENTS, _BATCH = 1_000_000, 500
_KINDS = ("source.archived", "conversion.recorded", "report.accepted", "source.restored")
_MOST_S, _MOST_MB, _MOST_BYTES = 20, 300, 200
_FILES, _PAIRS = 500, 7


def history(board: Board, count: int = _EVENTS) -> None:
    """(f) Check a history of a million events, then archive files with and without digests."""
    with folder() as base:
        _fill(base / "archive", count)
        _check(board, base / "archive")
    pairs = [(_archived(), _archived(_Nothing)) for _ in range(_PAIRS)]
    board.add(
        Figure(
            figure="f",
            name="processor time of archiving 10 KB files with digests of rows over without",
            ratio=median_ratio([(with_[0], without[0]) for with_, without in pairs]),
            bound="<= 1.05",
            details={
                "with_us": round(pairs[-1][0][0] / _FILES * 1e6),
                "without_us": round(pairs[-1][1][0] / _FILES * 1e6),
            },
        )
    )
    added = (pairs[-1][0][1] - pairs[-1][1][1]) / _FILES
    details = {"bytes": round(added), "events": _FILES}
    board.add(
        Figure(
            figure="f",
            name="bytes an event for digests, of 200",
            ratio=added / _MOST_BYTES,
            bound="<= 1",
            details=details,
        )
    )


def _fill(root: Path, count: int) -> None:
    Archive.open(root, create=True, own=True).close()
    catalog, entries = Catalog.open(root / "metadata.db"), count // len(_KINDS)

    for start in range(0, entries, _BATCH):

        def unit(tx: Any, start: int = start) -> None:
            for number in range(start, min(start + _BATCH, entries)):
                _add(tx, number, entries)

        catalog.write(unit)
    catalog.close()


def _add(tx: Any, number: int, count: int) -> None:
    """Add an entry, its rows and its events."""
    entry = add_entry(tx, number, count)
    arrival = Arrival(
        converter_name=entry.converter_name,
        path=entry.source_original_path,
        size_bytes=entry.source_size_bytes,
        mtime_ns=number,
        first_seen_at=entry.created_at,
        state=ArrivalState.DONE,
        changed_at=entry.created_at,
        archive_id=entry.archive_id,
    )
    arrivals.add_many(tx, [arrival])
    details = {"blob": entry.source_archived_path, "checksum": entry.source_checksum, "size_bytes": 10_000}
    for kind in _KINDS:
        events.append(tx, Event(kind=kind, at=entry.created_at, archive_id=entry.archive_id, details=details))


def _check(board: Board, root: Path) -> None:
    """Run the command; its processor time counts, since others use the machine too."""
    command = [sys.executable, "-m", "pywats_archive", "verify", "--chain", "--json", "--archive", str(root)]
    answer = root.parent / "answer.json"
    with answer.open("wb") as stream, subprocess.Popen(command, stdout=stream) as running:
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    found = json.loads(answer.read_bytes())
    assert found["problems"] == []
    took, mb = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000
    details = {"events": found["histories"][0]["events"], "seconds": round(took, 1), "mb": round(mb)}
    for name, ratio in (
        ("processor time of 'verify --chain' over a million events, of 20 s", took / _MOST_S),
        ("memory of 'verify --chain' over a million events, of 300 MB", mb / _MOST_MB),
    ):
        board.add(Figure(figure="f", name=name, ratio=ratio, bound="<= 1", details=details))


class _Nothing:
    """In place of what notes rows."""

    def __init__(self, db: Any) -> None:
        """Install no trigger."""

    def clear(self) -> None:
        """Forget nothing."""


def _archived(noted: type[Any] = Noted) -> tuple[float, int]:
    """Archive files one after the other; gives the processor time and the length of all digests."""
    with (
        folder() as base,
        patch("pywats_archive.catalog.writer.Noted", noted),
        Archive.open(base / "archive", create=True, own=True) as archive,
    ):
        paths = [base / f"{number}.csv" for number in range(_FILES)]
        for number, path in enumerate(paths):
            path.write_bytes(csv(10_000, number))
        began = time.process_time()
        for path in paths:
            ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="c"))
        took = time.process_time() - began
        with archive.read() as db:
            size = db.exec_driver_sql("SELECT sum(length(coalesce(bound_rows, ''))) FROM events").scalar_one()
        return took, int(size)
