from __future__ import annotations

import hashlib
import json
import sqlite3

import pytest

from pywats_archive.catalog import events
from pywats_archive.catalog.engine import Catalog
from pywats_archive.errors import CatalogError
from pywats_archive.models.event import Event

from . import made


def tell(catalog: Catalog, count: int) -> list[Event]:
    told = [
        Event(kind="source.archived", at=made.MORNING, archive_id=f"id{n % 2}", details={"ünit": "µV", "a": [n, None]})
        for n in range(count)
    ]
    return catalog.write(lambda tx: [events.append(tx, event) for event in told])


def tamper(catalog: Catalog, *statements: str) -> None:
    raw = sqlite3.connect(catalog.path)
    with raw:
        raw.execute("DROP TRIGGER events_stay")
        raw.execute("DROP TRIGGER events_are_kept")
        for statement in statements:
            raw.execute(statement)
    raw.close()


def first_break(catalog: Catalog) -> int | None:
    with catalog.read() as db:
        found = events.first_break(db)
    return found.sequence if found else None


def test_events_come_back_in_order(catalog: Catalog) -> None:
    """Events come back as they were appended, of all and of one entry (invariant 8)."""
    told = tell(catalog, 5)
    with catalog.read() as db:
        assert list(events.iterate(db)) == told
        assert events.of_entry(db, "id1") == (told[1], told[3])
        assert events.last(db) == told[-1]
        assert events.first_break(db) is None
    assert [event.sequence for event in told] == [1, 2, 3, 4, 5]


def test_an_empty_history_is_whole(catalog: Catalog) -> None:
    """Before the first event the chain is whole and has no last one."""
    with catalog.read() as db:
        assert events.last(db) is None
        assert events.first_break(db) is None


def test_the_hash_can_be_computed_without_us(catalog: Catalog) -> None:
    """Whoever reads the format computes the same chain with sqlite3, json and SHA-256 alone (invariant 8)."""
    odd = Event(kind="note.made", at=made.MORNING, actor="J\udcf6rg Ä", details={"b": 1, "a": "\udcf6"})
    tell(catalog, 2)
    catalog.write(lambda tx: events.append(tx, odd))
    raw, previous = sqlite3.connect(catalog.path), "0" * 64
    for *told, details, before, stored in raw.execute(
        "SELECT sequence, kind, at, archive_id, actor, details, previous_hash, hash FROM events ORDER BY sequence"
    ):
        body = json.dumps([*told, json.loads(details)], separators=(",", ":"), sort_keys=True)
        assert before == previous
        assert stored == hashlib.sha256(f"{previous}\n{body}".encode("ascii")).hexdigest()
        previous = stored
    raw.close()
    assert first_break(catalog) is None


@pytest.mark.parametrize("statement", ["UPDATE events SET actor = 'me'", "DELETE FROM events WHERE sequence = 2"])
def test_events_cannot_be_changed_by_accident(catalog: Catalog, statement: str) -> None:
    """The database itself refuses to change or remove an event (invariant 8)."""
    tell(catalog, 3)
    with pytest.raises(CatalogError, match="events are never"):
        catalog.write(lambda tx: tx.exec_driver_sql(statement))
    assert first_break(catalog) is None


@pytest.mark.parametrize("column", ["kind", "at", "archive_id", "actor", "details", "previous_hash", "hash"])
def test_an_edited_event_is_found(catalog: Catalog, column: str) -> None:
    """An edit of any column is found at that very event (invariant 8)."""
    tell(catalog, 5)
    value = '{"a":[2,null],"ünit":"V"}' if column == "details" else "2026-02-14T08:30:22.123456+00:00"
    tamper(catalog, f"UPDATE events SET {column} = '{value}' WHERE sequence = 3")
    assert first_break(catalog) == 3


def test_a_removed_event_is_found(catalog: Catalog) -> None:
    """Where an event was removed, the chain breaks at the one that stands there now (invariant 8)."""
    tell(catalog, 5)
    tamper(catalog, "DELETE FROM events WHERE sequence = 2")
    assert first_break(catalog) == 3


def test_a_closed_gap_is_found(catalog: Catalog) -> None:
    """Renumbering what follows does not hide a removed event (invariant 8)."""
    tell(catalog, 5)
    tamper(
        catalog,
        "DELETE FROM events WHERE sequence = 1",
        *(f"UPDATE events SET sequence = {n} WHERE sequence = {n + 1}" for n in range(1, 5)),
    )
    assert first_break(catalog) == 1


def test_reordered_events_are_found(catalog: Catalog) -> None:
    """Two events that changed places are found (invariant 8)."""
    tell(catalog, 5)
    moves = ((2, 99), (4, 2), (99, 4))
    tamper(catalog, *(f"UPDATE events SET sequence = {to} WHERE sequence = {at}" for at, to in moves))
    assert first_break(catalog) == 2


def test_a_cut_end_shows_in_the_last(catalog: Catalog) -> None:
    """Events cut off the end leave another last one, which is how they are missed (invariant 8)."""
    told = tell(catalog, 5)
    tamper(catalog, "DELETE FROM events WHERE sequence = 5")
    with catalog.read() as db:
        assert events.last(db) == told[3]


def test_a_forged_event_breaks_the_next(catalog: Catalog) -> None:
    """An edit whose own hash was computed anew is found at the event after it (invariant 8)."""
    told = tell(catalog, 5)
    body = ["kind.forged", told[2].at.isoformat(timespec="microseconds"), "id0", "service", {}]
    forged = hashlib.sha256(f"{told[1].hash}\n{json.dumps([3, *body], separators=(',', ':'))}".encode()).hexdigest()
    change = f"kind = 'kind.forged', archive_id = 'id0', details = '{{}}', hash = '{forged}'"
    tamper(catalog, f"UPDATE events SET {change} WHERE sequence = 3")
    assert first_break(catalog) == 4
