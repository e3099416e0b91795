"""The sums of finished arrivals that triggers keep are what a count over all rows gives."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from pywats_archive.catalog import arrival_figures, arrivals, entries
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.models.arrival import ArrivalState

from . import made

_COUNTED = "SELECT converter_name, substr(first_seen_at, 1, 10), state, count(*) FROM arrivals GROUP BY 1, 2, 3"
_DAY = timedelta(days=1)


def _act(tx: Connection, rng: random.Random) -> None:
    """Add an arrival, change the state of one, or remove one in state SEEN."""
    number, state = rng.randrange(1, 40), rng.choice(list(ArrivalState))
    if rng.random() < 0.3:
        seen = made.MORNING + rng.choice((0, 1, 2, -1)) * _DAY
        arrivals.add(tx, made.arrival(f"/w/{number}", converter_name=rng.choice("AB"), state=state, first_seen_at=seen))
    elif rng.random() < 0.1:
        arrivals.forget(tx, number)
    elif rng.random() < 0.1:
        execute(tx, "DELETE FROM arrivals WHERE arrival_id = ?", (number,))
    else:
        arrivals.change(tx, number, state=state, now=made.MORNING)


def test_sums_of_arrivals_are_kept(catalog: Catalog) -> None:
    """Whatever becomes of arrivals, the counts by converter, day and state are those of the rows (invariant 12)."""
    rng = random.Random(3)
    for _ in range(200):
        catalog.write(lambda tx: _act(tx, rng))
        with catalog.read() as db:
            found = sorted((c.converter_name, f"{c.day}", c.state.value, c.number) for c in arrival_figures.counts(db))
            assert found == sorted(execute(db, _COUNTED))
            for since in (made.MORNING - 2 * _DAY, made.MORNING + timedelta(hours=3), made.MORNING + 2 * _DAY):
                assert _since(db, since) == _counted_since(db, since)


def _since(db: Connection, since: datetime) -> dict[tuple[str, str], int]:
    return {(name, state): number for name, _, state, number in arrival_figures.counts_since(db, [since])}


def _counted_since(db: Connection, since: datetime) -> dict[tuple[str, str], int]:
    query = "SELECT converter_name, state, count(*) FROM arrivals WHERE first_seen_at >= ? GROUP BY 1, 2"
    return {(name, state): number for name, state, number in execute(db, query, (since.isoformat(),))}


def test_an_archived_source_is_found_by_the_name_of_its_file(catalog: Catalog) -> None:
    """'Where is my file?' finds archived sources by their names alone, whatever else has words of it."""
    names = ("/w/board 1_ICT.csv", "/w/1_ICT.csv", "/v/board 1_ICT.csv", "/w/board 1_ICT.csv.old", "/w/___")
    for number, path in enumerate(names):
        entry = made.entry(number, source_original_path=path)
        catalog.write(lambda tx, entry=entry: entries.add(tx, entry))  # type: ignore[misc]
        arrival = made.arrival(path, archive_id=entry.archive_id, state=ArrivalState.DONE)
        catalog.write(lambda tx, arrival=arrival: arrivals.add(tx, arrival))  # type: ignore[misc]
    with catalog.read() as db:
        for wanted, paths in {
            "board 1_ICT.csv": ["/v/board 1_ICT.csv", "/w/board 1_ICT.csv"],
            "1_ICT.csv": ["/w/1_ICT.csv"],
            "w/1_ICT.csv": ["/w/1_ICT.csv"],
            "___": ["/w/___"],
            "board": [],
        }.items():
            assert [each.path for each in arrivals.search(db, wanted)] == paths, wanted
