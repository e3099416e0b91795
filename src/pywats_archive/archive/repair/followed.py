"""Entries that were converted after the copy was made: they are neither converted nor sent again."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from pywats_archive.catalog import arrivals, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.report import FOLLOWED

_REASON = "the catalog was lost after its conversion"
_GONE = "gone"


def end(tx: Connection, archive_id: str, *, now: datetime) -> None:
    """Withhold the waiting reports of an entry, and let its arrival end without another conversion."""
    reports.withhold_all(tx, archive_id, reason=FOLLOWED)
    arrival = arrivals.of_entry(tx, archive_id)
    if arrival is None or arrival.state.is_final:
        return
    place = _place(arrival)
    if place is None:
        arrivals.change(tx, arrival.number, state=ArrivalState.DONE, now=now, moved_to=_GONE, reason=_REASON)
        return
    moved_to = arrival.moved_to if place == arrival.moved_to else None
    arrivals.change(tx, arrival.number, state=ArrivalState.CONVERTED, now=now, moved_to=moved_to, reason=_REASON)


def _place(arrival: Arrival) -> str | None:
    """Return where the source is, or may be if its folder is unavailable; None if it is gone."""
    places = [place for place in (arrival.moved_to, arrival.path) if place]
    there = [place for place in places if os.path.lexists(place)]
    return next(iter(there), None if Path(arrival.path).parent.is_dir() else places[0])
