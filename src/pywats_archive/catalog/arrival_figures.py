"""Figures of the ledger: what waits, what vanished, and what came in on the last days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from pywats_archive.catalog import arrivals, tables
from pywats_archive.catalog.column_types import moment_to_text
from pywats_archive.catalog.driver import rows
from pywats_archive.catalog.rows import BadRow, names_in, sound_or_bad
from pywats_archive.models.arrival import Arrival, ArrivalState

_OPEN = tuple(state for state in ArrivalState if not state.is_final)


def open_counts(db: Connection) -> dict[str, int]:
    """Count the unfinished arrivals by state."""
    counts = {state.value: 0 for state in _OPEN}
    query = "SELECT count(*) FROM arrivals WHERE converter_name = ? AND state = ?"
    for name in names_in(db, tables.arrivals):
        for state in counts:
            counts[state] += rows(db, query, (name, state))[0][0]
    return {state: number for state, number in counts.items() if number}


def oldest_open(db: Connection) -> Arrival | None:
    """Return the unfinished arrival that was entered first."""
    query = "SELECT min(arrival_id) FROM arrivals WHERE converter_name = ? AND state = ?"
    names = names_in(db, tables.arrivals)
    numbers = [rows(db, query, (name, state.value))[0][0] for name in names for state in _OPEN]
    number = min((each for each in numbers if each is not None), default=None)
    return arrivals.find(db, number) if number is not None else None


def vanished(db: Connection) -> tuple[Arrival, ...]:
    """Return all arrivals that vanished, oldest first."""
    names = names_in(db, tables.arrivals)
    found = [arrival for name in names for arrival in arrivals.in_state(db, name, ArrivalState.VANISHED)]
    return tuple(sorted(found, key=lambda arrival: arrival.number))


def counts_since(db: Connection, starts: Sequence[datetime]) -> tuple[tuple[str, int, str, int], ...]:
    """Count arrivals by converter, period and state; period *n* begins at ``starts[n]``, and the latest is the first."""
    texts = [moment_to_text(start) for start in starts]
    period = " ".join(f"WHEN first_seen_at >= ? THEN {number}" for number in range(len(texts)))
    query = (
        f"SELECT converter_name, CASE {period} END, state, count(*) FROM arrivals WHERE first_seen_at >= ? "
        "GROUP BY 1, 2, 3"
    )
    judged = sound_or_bad(rows(db, query, [*texts, texts[-1]]), _count, label="{0}")
    return tuple(count for count in judged if not isinstance(count, BadRow))


def _count(row: tuple[str, int, str, int]) -> tuple[str, int, str, int]:
    name, period, state, number = row
    return str(name), int(period), ArrivalState(state).value, int(number)
