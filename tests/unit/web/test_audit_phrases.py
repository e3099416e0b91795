"""Events of the audit trail in plain words, and the address of its page."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from tests.web_places import ROUTES

from pywats_archive.errors import UsageError
from pywats_archive.models.event import KINDS, AuditCategory, Event, RecordedEvent, category_of
from pywats_archive.web.views.address import view_of
from pywats_archive.web.views.audit import phrases
from pywats_archive.web.views.audit.address import AuditView, api_query
from pywats_archive.words.origin import origin_of

FORMAT = Path(__file__).parents[3] / "docs/format.md"
NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone.utc)


def test_every_audited_kind_has_a_phrase() -> None:
    """The kinds of docs/format.md that a category has; a new one needs a phrase, and a new category a label."""
    rows = [line for line in FORMAT.read_text("utf-8").splitlines() if line.startswith("| `")]
    kinds = {kind for line in rows for kind in re.findall(r"`([a-z_]+\.[a-z_]+)`", line.split("|")[1])}
    audited = {kind for kind in kinds if category_of(kind)}
    assert len(audited) > 35 and audited - phrases._PHRASES.keys() == set()
    assert {kind for kind in phrases._PHRASES if category_of(kind) is None} == set()
    assert phrases.CATEGORIES.keys() == KINDS.keys()


@pytest.mark.parametrize(
    ("kind", "details", "phrase"),
    [
        ("source.restored", {"to": "-"}, "read the source"),
        ("source.restored", {"to": "/out/SN1.csv"}, "restored the source"),
        ("source.restored", {"to": "-", "companion": "SN1.txt"}, "read a companion"),
        ("report.read", {"number": 1}, "read a report"),
        ("report.read", {"number": 1, "to": "/out/1.json"}, "restored a report"),
        ("hold.added", {"reason": "claim"}, "held the entry"),
        ("converter.kept", {}, "converter kept"),
    ],
)
def test_what_was_done_in_words(kind: str, details: dict[str, object], phrase: str) -> None:
    """A source that was only read was not restored."""
    assert phrases.phrase(Event(kind=kind, at=NOW, details=dict(details))) == phrase


def test_the_reason_comes_first_and_noise_is_left_out() -> None:
    """The version is one of the service; a stream has no place; foreign text is visible."""
    details = {"to": "-", "version": "0.1.0", "reason": "a\u202eb", "companion": "c"}
    event = RecordedEvent(kind="source.restored", at=NOW, details=details, archive=Path("a"), sequence=7)
    (row,) = phrases.rows([event], {})
    assert row.details == (("reason", "a<U+202E>b"), ("companion", "c")) and row.sequence == 7
    started = RecordedEvent(kind="service.started", at=NOW, details={"version": "0.1.0"}, archive=Path("a"))
    assert phrases.rows([started], {})[0].details == (("version", "0.1.0"),)


def test_where_an_imported_entry_comes_from() -> None:
    """A bag, or a Done folder; nothing of an event that was erased, nor of an entry that was archived here."""
    bag = {"origin": "imported", "imported_from": {"archive": "u-1", "bag": "b", "record": {"blob": "imported/x"}}}
    found = [
        origin_of([Event(kind=kind, at=NOW, details=dict(details))])
        for kind, details in (
            ("source.imported", bag),
            ("source.imported", {"origin": "imported"}),
            ("source.imported", {"erased": 9}),
            ("source.archived", {}),
        )
    ]
    assert [str(each) for each in found] == ["from the bag b of archive u-1", "from a Done folder", "None", "None"]


def test_an_address_keeps_its_fields_and_the_download_has_the_same() -> None:
    """The downloads ask the API for the events of the page, with fields that the route has."""
    given = {"q": "c & d", "who": "ann", "category": "hold", "kind": "Run", "from": "2026-01-02", "before": "9"}
    view = view_of(AuditView, given)
    assert dict(view.given(before="9")) == given and "before" not in dict(view.given())
    assert ("what", "holds", "q=c+%26+d&who=ann&kind=Run&from=2026-01-02") in view.chips
    wanted = view.wanted("20260203040506000_abcdef")
    assert (wanted.kinds, wanted.categories, wanted.actor) == (("run",), (AuditCategory.HOLD,), "ann")
    fields = {part.partition("=")[0] for part in api_query(wanted).split("&")}
    (route,) = (each for each in ROUTES if each.path == "/api/v1/audit.csv")
    known = {each.alias for each in route.dependant.dependencies[0].query_params}
    known |= {each.alias for one in route.dependant.dependencies for each in one.query_params}
    assert fields == {"kinds", "categories", "archive_id", "actor", "text", "since"} and fields <= known


@pytest.mark.parametrize("given", [{"category": "x"}, {"from": "x"}, {"from": "2026-02-02", "to": "2026-01-01"}])
def test_what_no_filter_can_be_is_refused(given: dict[str, str]) -> None:
    """One line that names the field."""
    with pytest.raises(UsageError):
        view_of(AuditView, given).wanted(None)
