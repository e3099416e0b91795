"""(m) Plans of purges that wait for what a vault has confirmed, over plans without a vault."""

from __future__ import annotations

import time
from typing import Any

from bench import catalog
from bench.figures import Board, Figure, folder, median_ratio
from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.catalog import events
from pywats_archive.catalog.engine import Catalog
from pywats_archive.models.event import Event
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.retention import enforcing

_PLANNED, _CONVERTERS = 100_000, 10
_ROUNDS, _TRIES = 5, 5


def plans(board: Board) -> None:
    """(m) Plan purges of a large catalog with what the vault has confirmed, and without."""
    with folder() as base:
        root = base / "archive"
        Archive.open(root, create=True, own=True).close()
        filled = Catalog.open(root / "metadata.db")
        _fill(filled)
        filled.close()
        with Archive.open(root, own=True, clock=lambda: catalog.END) as archive:
            policies = [RetentionPolicy(converter_name=f"converter-{n}", retention_days=80) for n in range(_CONVERTERS)]
            pairs = [(_planned(archive, policies, "/vault"), _planned(archive, policies, None)) for _ in range(_ROUNDS)]
    details = {"with_ms": round(pairs[-1][0] * 1e3, 1), "without_ms": round(pairs[-1][1] * 1e3, 1)}
    name = f"processor time of a plan of purges over {_PLANNED:,} entries, that wait for the vault over without"
    board.add(Figure(figure="m", name=name, ratio=median_ratio(pairs), bound="<= 1.1", details=details))


def _fill(filled: Catalog) -> None:
    """Add entries, each with two events."""
    for start in range(0, _PLANNED, 500):

        def unit(tx: Any, start: int = start) -> None:
            for number in range(start, start + 500):
                entry = catalog.add_entry(tx, number, _PLANNED)
                for kind in ("source.archived", "report.accepted"):
                    events.append(tx, Event(kind=kind, at=entry.created_at, archive_id=entry.archive_id))

        filled.write(unit)


def _planned(archive: Archive, policies: list[RetentionPolicy], url: str | None) -> float:
    """Return the processor time of all plans in seconds; with a vault, that has confirmed everything."""
    progress.require(archive, url)
    if url:
        _confirm_all(archive, url)
    took = []
    for _ in range(_TRIES):
        began = time.process_time()
        plans = [enforcing.preview_plan(archive, policy) for policy in policies]
        took.append(time.process_time() - began)
        assert sum(plan.purged_entries for plan in plans) > _PLANNED / 20
    return min(took)


def _confirm_all(archive: Archive, url: str) -> None:
    lag, chain = progress.lag(archive, url), progress.chain_of(archive) or ""
    with archive.read() as db:
        newest = events.last(db)
    assert newest and newest.hash
    segment = progress.ShippedSegment(
        first=1,
        last=lag.newest,
        hash=newest.hash,
        entry_no=_PLANNED,
        report_no=_PLANNED,
        sha256="",
        size_bytes=1,
        at=archive.now(),
    )
    progress.note(archive, url, chain, progress.FoundSegment(segment=segment, previous_hash="", absent={}, large={}))
    progress.confirm(archive, url, {1: 1}, (), {})
