"""Figures of the ledger: what waits, what vanished, and what came in on the last days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from pywats_archive.catalog import arrivals
from pywats_archive.catalog.column_types import moment_to_text
from pywats_archive.catalog.driver import rows
from pywats_archive.catalog.rows import BadRow, sound_or_bad
from pywats_archive.catalog.tables import IS_OPEN
from pywats_archive.models.arrival import Arrival, ArrivalState

_OPEN = f"FROM arrivals INDEXED BY idx_arrival_open WHERE {IS_OPEN}"
_COUNTS = (
    "SELECT converter_name, day, state, arrivals FROM arrival_figures WHERE arrivals > 0 UNION ALL "
    f"SELECT converter_name, substr(first_seen_at, 1, 10), state, count(*) {_OPEN} GROUP BY 1, 2, 3"
)
_SINCE = (
    "SELECT converter_name, first_seen_at, state FROM arrivals WHERE arrival_id >= "
    "(SELECT min(first_arrival) FROM arrival_figures WHERE day >= substr(?1, 1, 10)) "
    f"AND first_seen_at >= ?1 AND NOT ({IS_OPEN}) "
    f"UNION ALL SELECT converter_name, first_seen_at, state {_OPEN} AND first_seen_at >= ?1"
)
"""Arrivals first seen since a moment: the finished ones are among those behind the first that its day has in the sums."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """Number of a converter's arrivals of one UTC day in one state."""

    converter_name: str
    day: date
    state: ArrivalState
    number: int


def counts(db: Connection) -> tuple[Count, ...]:
    """Count arrivals by converter, UTC day of the first sighting, and state; the finished ones are counted already."""
    judged = sound_or_bad(rows(db, _COUNTS), _day_count, label="{0}")
    return tuple(count for count in judged if not isinstance(count, BadRow))


def _day_count(row: tuple[str, str, str, int]) -> Count:
    name, day, state, number = row
    return Count(converter_name=name, day=date.fromisoformat(day), state=ArrivalState(state), number=number)


def open_counts(db: Connection) -> dict[str, int]:
    """Count the unfinished arrivals by state."""
    known = {state.value for state in ArrivalState}
    found = dict(rows(db, f"SELECT state, count(*) {_OPEN} GROUP BY 1"))
    return {state: number for state, number in found.items() if state in known}


def oldest_open(db: Connection) -> Arrival | None:
    """Return the unfinished arrival that was entered first."""
    number = rows(db, f"SELECT min(arrival_id) {_OPEN}")[0][0]
    return arrivals.find(db, number) if number is not None else None


def vanished(db: Connection) -> tuple[Arrival, ...]:
    """Return all arrivals that vanished, oldest first."""
    names = arrivals.converter_names(db)
    found = [arrival for name in names for arrival in arrivals.in_state(db, name, ArrivalState.VANISHED)]
    return tuple(sorted(found, key=lambda arrival: arrival.number))


def counts_since(db: Connection, starts: Sequence[datetime]) -> tuple[tuple[str, int, str, int], ...]:
    """Count arrivals by converter, period and state; period *n* begins at ``starts[n]``, and the latest is the first."""
    texts = [moment_to_text(start) for start in starts]
    period = " ".join(f"WHEN first_seen_at >= ?{number + 2} THEN {number}" for number in range(len(texts)))
    query = f"SELECT converter_name, CASE {period} END, state, count(*) FROM ({_SINCE}) GROUP BY 1, 2, 3"
    judged = sound_or_bad(rows(db, query, [texts[-1], *texts]), _count, label="{0}")
    return tuple(count for count in judged if not isinstance(count, BadRow))


def _count(row: tuple[str, int, str, int]) -> tuple[str, int, str, int]:
    name, period, state, number = row
    return str(name), int(period), ArrivalState(state).value, int(number)
