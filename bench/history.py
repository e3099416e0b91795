"""(f) The history: ``verify --chain`` over a million events, and what the digests of rows cost a file that is archived."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.catalog import add_entry
from bench.figures import Board, Figure, folder, median_ratio
from bench.material import csv
from pywats_archive.archive.anchors.making import make
from pywats_archive.archive.anchors.signing import load_signer
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
_FILES, _ROUNDS, _ANCHORS = 500, 7, 50


def history(board: Board, count: int = _EVENTS) -> None:
    """(f) Check a history of a million events, then archive files with and without digests."""
    with folder() as base:
        _fill(base / "archive", count)
        _check(board, base / "archive")
    _digests(board)


def _digests(board: Board) -> None:
    """Compare archiving with and without digests of rows, and with the signature of an anchor."""
    rounds = [_archived() for _ in range(_ROUNDS)]
    last = rounds[-1]
    details = {"with_us": round(last.with_s / _FILES * 1e6), "without_us": round(last.without_s / _FILES * 1e6)}
    digests = median_ratio([(each.with_s, each.without_s) for each in rounds])
    anchors = median_ratio([(each.anchor_s, each.with_s / _FILES) for each in rounds])
    size = last.digests_bytes / _FILES
    for name, ratio, bound, more in (
        ("processor time of archiving 10 KB files with digests of rows over without", digests, "<= 1.05", details),
        ("bytes an event for digests, of 200", size / _MOST_BYTES, "<= 1", {"bytes": round(size), "events": _FILES}),
        (
            "processor time of signing an anchor over archiving a 10 KB file",
            anchors,
            "<= 1",
            {"anchor_us": round(last.anchor_s * 1e6)},
        ),
    ):
        board.add(Figure(figure="f", name=name, ratio=ratio, bound=bound, details=more))


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


@dataclass(frozen=True, kw_only=True)
class _Round:
    with_s: float
    without_s: float
    anchor_s: float
    """Of one anchor."""
    digests_bytes: int


def _archived() -> _Round:
    """Archive each file into an archive with digests and into one without, in turn, so that other work slows both."""
    with folder() as base, ExitStack() as stack:
        with_digests = stack.enter_context(_opened(base, Noted))
        others = {True: with_digests, False: stack.enter_context(_opened(base, _Nothing))}
        took = {True: 0.0, False: 0.0}
        for number in range(_FILES):
            path = base / f"{number}.csv"
            path.write_bytes(csv(10_000, number))
            for has_digests in (number % 2 == 0, number % 2 == 1):
                began = time.process_time()
                ingest.archive_source(others[has_digests], ingest.NewSource(path=path, converter_name="c"))
                took[has_digests] += time.process_time() - began
        signer = load_signer(base)
        make(with_digests, signer)
        began = time.process_time()
        for _ in range(_ANCHORS):
            make(with_digests, signer)
        anchor_s = (time.process_time() - began) / _ANCHORS
        with with_digests.read() as db:
            size = db.exec_driver_sql("SELECT sum(length(coalesce(bound_rows, ''))) FROM events").scalar_one()
        return _Round(with_s=took[True], without_s=took[False], anchor_s=anchor_s, digests_bytes=int(size))


@contextmanager
def _opened(base: Path, noted: type[Any]) -> Iterator[Archive]:
    """Open a new archive whose writer notes rows by this class, which it makes with its first commit."""
    with (
        patch("pywats_archive.catalog.writer.Noted", noted),
        Archive.open(base / noted.__name__, create=True, own=True) as archive,
    ):
        first = base / "first.csv"
        first.write_bytes(csv(10_000, _FILES))
        ingest.archive_source(archive, ingest.NewSource(path=first, converter_name="c"))
        yield archive
