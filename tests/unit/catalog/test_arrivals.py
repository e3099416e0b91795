from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from pywats_archive.catalog import arrival_figures, arrivals, entries, ledger_checks
from pywats_archive.catalog.arrival_figures import Count
from pywats_archive.catalog.engine import Catalog
from pywats_archive.errors import CatalogError
from pywats_archive.models.arrival import Arrival, ArrivalState

from . import made

LATER = made.MORNING + timedelta(days=1)


def add(catalog: Catalog, *new: Arrival) -> list[Arrival]:
    numbers = catalog.write(lambda tx: arrivals.add_many(tx, new))
    return [replace(arrival, arrival_id=number) for arrival, number in zip(new, numbers, strict=True)]


def test_an_arrival_comes_back_equal(catalog: Catalog) -> None:
    """Every field of an arrival comes back as it was put in, and as it was changed (invariant 12)."""
    catalog.write(lambda tx: entries.add(tx, made.entry(1)))
    (seen,) = add(catalog, made.arrival("/watch/caf\udce9.csv"))
    number = seen.arrival_id
    assert number is not None
    changes: dict[str, Any] = {
        "archive_id": made.entry(1).archive_id,
        "reason": "no limit file",
        "retry_at": LATER,
        "attempts": 2,
        "moved_to": "/Pending/caf\udce9.csv",
    }
    with catalog.read() as db:
        assert arrivals.get(db, number) == seen
    catalog.write(lambda tx: arrivals.change(tx, number, state=ArrivalState.SUSPENDED, now=LATER, **changes))
    changed = replace(seen, state=ArrivalState.SUSPENDED, changed_at=LATER, **changes)
    with catalog.read() as db:
        assert arrivals.find(db, number) == changed
        assert arrivals.of_entry(db, made.entry(1).archive_id) == changed
        assert arrivals.find(db, 99) is None
        with pytest.raises(CatalogError, match="no arrival 99"):
            arrivals.get(db, 99)


def test_the_latest_at_a_path_counts(catalog: Catalog) -> None:
    """Of the arrivals of one converter at one path the latest is given."""
    first, other, second, _ = add(
        catalog,
        made.arrival("/w/a"),
        made.arrival("/w/a", converter_name="XML"),
        made.arrival("/w/a"),
        made.arrival("/w/b"),
    )
    with catalog.read() as db:
        assert arrivals.latest_at_path(db, "CSV", "/w/a") == second
        assert arrivals.latest_at_path(db, "XML", "/w/a") == other
        assert arrivals.latest_at_path(db, "CSV", "/w/c") is None
    assert first != second


def test_what_has_an_end_is_finished(catalog: Catalog) -> None:
    """Arrivals in a final state are finished, all others are not, oldest first (invariant 12)."""
    added = add(catalog, *(made.arrival(f"/w/{state.name}", state=state) for state in ArrivalState))
    (foreign,) = add(catalog, made.arrival("/w/x", converter_name="XML"))
    left = tuple(arrival for arrival in added if not arrival.state.is_final)
    with catalog.read() as db:
        assert arrivals.unfinished(db) == (*left, foreign)
        assert arrivals.unfinished(db, "CSV") == left
        assert [a.path for a in arrivals.in_state(db, "CSV", ArrivalState.DONE)] == ["/w/DONE"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/watch/board 1.csv", "board 1.csv"),
        ("C:\\watch\\board.csv", "board.csv"),
        ("/watch/100%_sure!.csv", "100%_sure!.csv"),
        ("/watch/caf\udce9.csv", "caf\udce9.csv"),
        ('/watch/"quoted".csv', '"quoted".csv'),
        ("/watch/run\\1.csv", "run\\1.csv"),
        ("/watch/line\nbreak", "line\nbreak"),
    ],
)
def test_a_path_or_name_is_found(catalog: Catalog, path: str, name: str) -> None:
    """'Where is my file?' is answered for its whole path and for its name, whatever it is (invariant 12)."""
    (wanted, _) = add(catalog, made.arrival(path), made.arrival("/watch/100 % sure.csv"))
    with catalog.read() as db:
        assert arrivals.search(db, path) == (wanted,)
        assert arrivals.search(db, name) == (wanted,)
        assert arrivals.search(db, name[1:]) == ()


def test_the_newest_hundred_are_found(catalog: Catalog) -> None:
    """A name that came a thousand times gives its hundred latest arrivals, newest first."""
    added = add(catalog, *(made.arrival("/w/same.csv") for _ in range(120)))
    with catalog.read() as db:
        assert arrivals.search(db, "same.csv") == tuple(reversed(added[20:]))


def test_counts_are_by_converter_day_and_state(catalog: Catalog) -> None:
    """Arrivals are counted by converter, UTC day of first sight, and state (invariant 12)."""
    add(
        catalog,
        made.arrival(),
        made.arrival(),
        made.arrival(state=ArrivalState.VANISHED),
        made.arrival(first_seen_at=LATER),
        made.arrival(converter_name="XML"),
    )
    day, next_day, seen = date(2026, 2, 13), date(2026, 2, 14), ArrivalState.SEEN
    with catalog.read() as db:
        found = set(arrival_figures.counts(db))
    assert found == {
        Count(converter_name="CSV", day=day, state=seen, number=2),
        Count(converter_name="CSV", day=day, state=ArrivalState.VANISHED, number=1),
        Count(converter_name="CSV", day=next_day, state=seen, number=1),
        Count(converter_name="XML", day=day, state=seen, number=1),
    }


def test_contradictions_are_told(catalog: Catalog) -> None:
    """An entry without an arrival, and a final state without an entry, are told (invariant 12)."""
    catalog.write(lambda tx: entries.add(tx, made.entry(1)))
    add(catalog, made.arrival("/w/lost", state=ArrivalState.DONE), made.arrival("/w/fine"))
    with catalog.read() as db:
        told, quickly = ledger_checks.disagreements(db), ledger_checks.disagreements(db, is_quick=True)
    assert told == (
        "/w/lost is said to be archived, and no entry is named",
        f"entry {made.entry(1).archive_id} came from no arrival",
    )
    assert quickly == told[:1]
