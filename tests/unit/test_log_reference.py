"""The page of the log's events, and their words for people, agree with the code."""

from __future__ import annotations

import string

from tools.log_events import PAGE, logged_events, names_in, updated

from pywats_archive.cli.log_texts import TEXTS

OWN_WORDS = {
    "source.converted",
    "source.finished",
    "source.suspended",
    "converter.ready",
    "alert.raised",
    "alert.cleared",
}
"""Events whose words are not a template."""
EVENTS = logged_events()


def test_the_page_has_each_event_with_its_levels_and_fields() -> None:
    """``make docs`` writes levels and fields; a new event needs a row with its meaning."""
    page = PAGE.read_text(encoding="utf-8")
    named = names_in(page)
    assert sorted(named) == sorted(EVENTS) and len(EVENTS) > 80
    assert updated(page, EVENTS) == page, "run 'make docs'"


def test_each_event_has_words_for_people_and_only_with_its_own_fields() -> None:
    """A line of the log never shows a dash because a field was renamed."""
    assert {*TEXTS, *OWN_WORDS} == {*EVENTS} and OWN_WORDS.isdisjoint(TEXTS)
    for name, text in TEXTS.items():
        used = {found for _, found, _, _ in string.Formatter().parse(text) if found}
        known = {*EVENTS[name].fields, *({"reason"} if "error_type" in EVENTS[name].fields else ())}
        assert used <= known, name


def test_each_event_of_a_source_or_report_names_the_source() -> None:
    """Path, archive id and converter are in one event, so that no program joins events."""
    for name, event in EVENTS.items():
        if name.startswith(("source.", "report.")):
            assert {"converter", "path", "archive_id"} <= {*event.fields}, name
