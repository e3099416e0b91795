"""Questions that a station asks all the time read what an index has for them, and no table that grows with every entry."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from pywats_archive.catalog import (
    arrival_figures,
    arrivals,
    candidates,
    checks,
    entries,
    entry_pages,
    event_search,
    events,
    ledger_checks,
    purges,
    reports,
    statistics,
    trends,
)
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.event import Event, EventFilter
from pywats_archive.models.query import EntryFilter

from . import made

_GROWING = "archive_entries|arrivals|conversions|events|reports"
_SCAN = re.compile(
    rf"SCAN (?:({_GROWING})|[a-z])\b(?! USING (?:COVERING )?INDEX (?:idx_arrival_open|idx_held|idx_event_rare))"
)
"""A scan of a growing table, also under a short name; the three indexes have a few rows of each, whatever its size."""
_NOW = made.MORNING + timedelta(hours=1)
_QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "counts of the ledger": arrival_figures.counts,
    "counts of the last days": lambda db: arrival_figures.counts_since(db, [made.MORNING]),
    "what is open": arrival_figures.open_counts,
    "the oldest open": arrival_figures.oldest_open,
    "what vanished": arrival_figures.vanished,
    "unfinished": arrivals.unfinished,
    "unfinished of one": lambda db: arrivals.unfinished(db, "CSV"),
    "unfinished outside": lambda db: arrivals.unfinished_outside(db, "CSV", "/w"),
    "unfinished before": lambda db: arrivals.unfinished_before(db, made.arrival(arrival_id=1)),
    "unfinished by converter": arrivals.unfinished_counts,
    "suspended": lambda db: arrivals.in_state(db, "CSV", ArrivalState.SUSPENDED),
    "converters": arrivals.converter_names,
    "left lately": lambda db: arrivals.last_departed(db, "CSV", limit=10),
    "moved to a place": lambda db: arrivals.latest_moved_to(db, "/d/a.csv"),
    "paths of entries": lambda db: entries.known_paths(db, ["/w/a.csv"]),
    "at a path": lambda db: arrivals.at_path(db, "/w/a.csv"),
    "by name": lambda db: arrivals.search(db, "a.csv"),
    "invalid open rows": ledger_checks.bad_open,
    "quick disagreements": lambda db: ledger_checks.disagreements(db, is_quick=True),
    "holds": purges.holds,
    "purge candidates": lambda db: list(candidates.candidates(db, "CSV", before="~")),
    "the next to be read back": lambda db: checks.following(db, "", 1),
    "figures": lambda db: statistics.statistics(db, None, now=_NOW),
    "failures today": lambda db: statistics.recent_failures(db, made.MORNING),
    "why they failed": lambda db: trends.failed_since(db, made.MORNING),
    "durations": lambda db: trends.latest_durations(db, "CSV", limit=10),
    "received": lambda db: trends.received(db, made.MORNING),
    "reports that are due": lambda db: reports.due(db, _NOW, 10, latest=_NOW),
    "reports that wait": reports.waiting_count,
    "the newest events": lambda db: event_search.matching(db, EventFilter(), after=0, upto=9, limit=5),
    "events of a rare kind": lambda db: event_search.matching(
        db, EventFilter(kinds=("policy",)), after=0, upto=9, limit=5
    ),
}


@pytest.mark.parametrize("name", _QUESTIONS)
def test_no_table_is_read_whole(catalog: Catalog, name: str) -> None:
    """Every statement of the question finds its rows by an index."""
    catalog.write(_fill)
    with catalog.read() as db:
        seen: list[str] = []
        driver = db.connection.driver_connection
        driver.set_trace_callback(seen.append)  # type: ignore[union-attr]
        _QUESTIONS[name](db)
        driver.set_trace_callback(None)  # type: ignore[union-attr]
        own = [text for text in seen if not text.startswith("--")]  # others are of the full-text index
        steps = [row[3] for text in own for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert own
    assert [step for step in steps if _SCAN.match(step)] == []


def _fill(tx: Connection) -> None:
    for number, state in enumerate(ArrivalState):
        entry = made.entry(number)
        entries.add(tx, entry)
        arrivals.add(tx, made.arrival(f"/w/{number}.csv", state=state, archive_id=entry.archive_id))
        purges.set_hold(tx, entry.archive_id, reason="audit", by="ann", now=_NOW)
        events.append(tx, Event(kind="policy.changed", at=_NOW))


def test_the_entries_of_a_part_number_are_in_its_index(catalog: Catalog) -> None:
    """A part number may have as many reports as a third of the entries: none of their rows is read."""
    with catalog.read() as db:
        seen: list[str] = []
        driver = db.connection.driver_connection
        driver.set_trace_callback(seen.append)  # type: ignore[union-attr]
        entry_pages.find(db, EntryFilter(part_number="P7"), limit=5)
        driver.set_trace_callback(None)  # type: ignore[union-attr]
        steps = [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {seen[0]}")]
    assert any("reports USING COVERING INDEX idx_report_part" in step for step in steps), steps
