"""What came in on the last days, by the station's own calendar."""

from __future__ import annotations

from datetime import date, timedelta

from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Account
from pywats_archive.catalog import arrival_figures
from pywats_archive.models.time import start_of


def recent(archive: Archive, *, today: date, days: int) -> tuple[Account, ...]:
    """Return the accounts of the last local days, ``today`` included, newest first."""
    calendar = [today - timedelta(days=number) for number in range(days)]
    with archive.read() as db:
        counts = arrival_figures.counts_since(db, [start_of(day) for day in calendar])
    grouped: dict[tuple[int, str], dict[str, int]] = {}
    for name, period, state, number in counts:
        grouped.setdefault((period, name), {})[state] = number
    return tuple(
        Account(converter_name=name, day=calendar[period], came_in=sum(by_state.values()), by_state=by_state)
        for (period, name), by_state in sorted(grouped.items())
    )
