"""Events whose details were erased: a later event proves each, and nothing else passes for one."""

from __future__ import annotations

import json

import pytest

from pywats_archive.catalog import event_erasing, events, row_check
from pywats_archive.catalog.engine import Catalog
from pywats_archive.models.event import Event

from . import made
from .test_events import first_break, tamper, tell


@pytest.fixture
def erased(catalog: Catalog) -> Catalog:
    """A history of six events, of which those of id1 (2 and 4) are erased by the eighth."""
    tell(catalog, 5)
    catalog.write(lambda tx: events.append(tx, Event(kind="alert.raised", at=made.MORNING, details={"path": "/x"})))
    erase(catalog, ["id1"])
    return catalog


def erase(catalog: Catalog, ids: list[str], text: str = "nothing") -> None:
    def record(archive_id: str) -> Event:
        kind = "entry.erased" if archive_id else "events.erased"
        return Event(kind=kind, at=made.MORNING, archive_id=archive_id or None, actor="os:ann")

    def scrub(value: object) -> object:
        return json.loads(json.dumps(value).replace(text, "[erased]")) if text in json.dumps(value) else value

    catalog.write(lambda tx: event_erasing.erase_events(tx, ids, scrub, record))


def history(catalog: Catalog) -> row_check.History:
    with catalog.read() as db:
        (found,) = row_check.check(db)
    assert isinstance(found, row_check.History)
    return found


def test_erased_events_stay_in_the_chain(erased: Catalog) -> None:
    """Their hashes stand, so that an anchor of any event still fits; the check says how many are erased (invariant 8)."""
    with erased.read() as db:
        assert [e.details for e in events.of_entry(db, "id1")][:2] == [{"erased": 7}] * 2
        assert events.last_number(db) == 7
    assert history(erased).erased == 2


@pytest.mark.parametrize(
    "change",
    [
        'details = \'{"erased":7,"more":1}\'',
        "details = '{\"erased\":6}'",
        "details = '{}'",
        "kind = 'source.moved'",
        "actor = 'os:eve'",
        "archive_id = 'id0'",
        "at = '2026-02-14T08:30:22.123456+00:00'",
        "bound_rows = '{}'",
    ],
)
def test_an_erased_event_that_is_altered_is_found(erased: Catalog, change: str) -> None:
    """The later event has a digest of the whole row as the erasure left it (invariant 8)."""
    tamper(erased, f"UPDATE events SET {change} WHERE sequence = 2")
    assert first_break(erased) == 2


def test_an_event_that_only_says_that_it_is_erased_is_found(erased: Catalog) -> None:
    """An event that no later one names is an altered one, and so is one after the event that it refers to (invariant 8)."""
    tamper(erased, "UPDATE events SET details = '{\"erased\":7}' WHERE sequence = 3")
    assert first_break(erased) == 3


def test_the_erasure_of_an_entry_names_only_events_of_this_entry(catalog: Catalog) -> None:
    """Else the events of another one could be removed under its name (invariant 8)."""
    tell(catalog, 5)

    def record(archive_id: str) -> Event:
        return Event(kind="entry.erased", at=made.MORNING, archive_id="id0", actor="os:ann")

    catalog.write(lambda tx: event_erasing.erase_events(tx, ["id1"], lambda value: value, record))
    assert first_break(catalog) == 2


def test_an_erased_entry_keeps_its_row(erased: Catalog) -> None:
    """The events that said that it was archived are erased; the one that says so is not (invariant 8)."""
    tamper(erased, "UPDATE events SET kind = 'alert.raised', archive_id = NULL WHERE kind = 'source.archived'")
    with erased.read() as db:
        assert events.without_entry(db) == ("id1",)


def test_the_event_of_an_erasure_cannot_be_altered(erased: Catalog) -> None:
    """Who adds another event to those that it names breaks the chain there (invariant 8)."""
    tamper(
        erased,
        'UPDATE events SET details = replace(details, \'"events":{\', \'"events":{"9":"x",\') WHERE sequence = 7',
    )
    assert first_break(erased) == 7


def test_texts_in_events_of_no_entry_are_erased(erased: Catalog) -> None:
    """An alert that names a path loses the path, and is proved by an event of its own; it can be erased twice."""
    erase(erased, ["id0"], text="/x")
    with erased.read() as db:
        (alert,) = events.without_archive_id(db, "alert.raised")
    assert alert.details == {"path": "[erased]", "erased": 9}
    assert history(erased).erased == 6
    erase(erased, ["id2"], text="path")
    assert history(erased).erased == 6
