"""Events are found by kind, entry and time as a look at each of them would find them."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from pywats_archive.catalog import event_search, events
from pywats_archive.catalog.engine import Catalog
from pywats_archive.models.event import KINDS, AuditCategory, Event, EventFilter

from . import made

_KINDS = (
    "source.archived",
    "conversion.recorded",
    "policy.changed",
    "policy.confirmed",
    "policies.reset",
    "alert.raised",
)


def _told(catalog: Catalog) -> list[Event]:
    rng = random.Random(1)
    new = [
        Event(
            kind=rng.choice(_KINDS),
            at=made.MORNING + timedelta(hours=n),
            archive_id=rng.choice((None, "a", "b")),
            actor=rng.choice(("os:ann", "service")),
            details={"reason": rng.choice(("A claim", "none"))},
        )
        for n in range(200)
    ]
    return catalog.write(lambda tx: [events.append(tx, event) for event in new])


@pytest.mark.parametrize("at_once", [7, 100_000])
def test_events_are_found_as_by_a_look_at_each(catalog: Catalog, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """Every combination of kinds, entry, time, span and limit; also when not all are read at once, as among millions."""
    monkeypatch.setattr(event_search, "_AT_ONCE", at_once)
    told = _told(catalog)
    for kinds in (
        (),
        ("policy",),
        ("source.archived",),
        ("source", "alert.raised"),
        ("policy.changed", "alert"),
        ("x",),
    ):
        for archive_id in (None, "a"):
            for hours in (None, 0, 150, 400):
                for after, upto, limit in ((0, 200, 500), (0, 200, 3), (50, 180, 20), (200, 200, 5)):
                    since = None if hours is None else made.MORNING + timedelta(hours=hours)
                    wanted = EventFilter(kinds=kinds, archive_id=archive_id, since=since)
                    with catalog.read() as db:
                        found = event_search.matching(db, wanted, after=after, upto=upto, limit=limit)
                    expected = [each for each in told[after:upto] if _fits(each, wanted)][-limit:]
                    assert list(found) == expected, (wanted, after, upto, limit)


@pytest.mark.parametrize("kinds", [(), ("policy.changed", "alert"), ("source",), ("x",)])
@pytest.mark.parametrize(
    "categories", [(), (AuditCategory.POLICY,), (AuditCategory.POLICY, AuditCategory.CONFIRMATION)]
)
def test_events_are_found_by_every_condition(
    catalog: Catalog, kinds: tuple[str, ...], categories: tuple[AuditCategory, ...]
) -> None:
    """Category, actor, text and end narrow the search too, whether an index has the kinds or each event is read."""
    told = _told(catalog)
    for actor in (None, "ann"):
        for text in (None, "a CLAIM"):
            for until in (None, made.MORNING + timedelta(hours=150)):
                for archive_id in (None, "a"):
                    wanted = EventFilter(
                        kinds=kinds, categories=categories, actor=actor, text=text, until=until, archive_id=archive_id
                    )
                    with catalog.read() as db:
                        found = event_search.matching(db, wanted, after=20, upto=180, limit=9)
                    assert list(found) == [each for each in told[20:180] if _fits(each, wanted)][-9:], wanted


def test_an_audit_reads_an_index(catalog: Catalog) -> None:
    """The kinds of an audit are found in the index of rare kinds, so that a long history costs no more."""
    _told(catalog)
    wanted = EventFilter(categories=tuple(AuditCategory), actor="ann", text="claim")
    with catalog.read() as db:
        asked: list[str] = []
        connection = db.connection.driver_connection
        assert connection
        connection.set_trace_callback(asked.append)
        event_search.matching(db, wanted, after=0, upto=200, limit=9)
        connection.set_trace_callback(None)
    assert len(asked) > 3 and [each for each in asked if "FROM events" in each and "idx_event_rare" not in each] == []


def _fits(event: Event, wanted: EventFilter) -> bool:
    asked = (*wanted.kinds, *(kind for each in wanted.categories for kind in KINDS[each]))
    is_kind = not asked or any(event.kind == kind or event.kind.startswith(f"{kind}.") for kind in asked)
    if wanted.actor == "ann" and event.actor != "os:ann":
        return False
    if wanted.text and wanted.text.lower() not in event.details["reason"].lower():
        return False
    if wanted.until and event.at >= wanted.until:
        return False
    is_entry = wanted.archive_id in (None, event.archive_id)
    return is_kind and is_entry and (wanted.since is None or event.at >= wanted.since)


def test_a_clock_that_was_wrong_hides_few_events(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event dated too early does not end the search for those since a moment."""
    monkeypatch.setattr(event_search, "_AT_ONCE", 5)
    hours = (10, 11, 1, 2, 3, 12, 13)
    new = [Event(kind="source.archived", at=made.MORNING + timedelta(hours=n)) for n in hours]
    told = catalog.write(lambda tx: [events.append(tx, event) for event in new])
    wanted = EventFilter(since=made.MORNING + timedelta(hours=10))
    with catalog.read() as db:
        found = event_search.matching(db, wanted, after=0, upto=7, limit=9)
    assert list(found) == [told[0], told[1], told[5], told[6]]
