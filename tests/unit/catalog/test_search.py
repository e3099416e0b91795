from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pywats_archive import redaction
from pywats_archive.catalog import entries, entry_pages, search, text_check
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter

from . import made

ANYTHING = st.text(
    st.characters(blacklist_categories=()) | st.sampled_from('"*()^:-+ \0\n_AND OR NOT NEAR'), max_size=40
)


def found(catalog: Catalog, text: str) -> int:
    with catalog.read() as db:
        return entry_pages.find(db, EntryFilter(text=text), limit=10).total


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=300)
@given(text=ANYTHING)
def test_no_text_breaks_the_search(catalog: Catalog, text: str) -> None:
    """Whatever a person types is searched for, never an error."""
    assert found(catalog, text) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
@given(name=st.text(st.characters(blacklist_categories=(), blacklist_characters="/\\"), max_size=30))
def test_a_name_is_found_by_itself(catalog: Catalog, name: str) -> None:
    """An entry is found by its whole file name, whatever characters that has."""
    if search.match_expression(f"board7 {name}") is None:
        return

    def unit(tx: object) -> int:
        number = entries.add(tx, made.entry(1, source_original_path=f"/watch/board7 {name}"))  # type: ignore[arg-type]
        total = entry_pages.find(tx, EntryFilter(text=f"board7 {name}"), limit=1).total  # type: ignore[arg-type]
        tx.exec_driver_sql("DELETE FROM archive_entries WHERE entry_no = ?", (number,))  # type: ignore[attr-defined]
        tx.exec_driver_sql("DELETE FROM entry_text WHERE rowid = ?", (number,))  # type: ignore[attr-defined]
        return total

    assert catalog.write(unit) == 1


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("BOARD", 1),
        ("oard", 0),
        ("board-7_final", 1),
        ("board-7 fin", 1),
        ('board"7', 1),
        ('board"8 final', 0),
        ("final board", 1),
        ("board AND final", 0),
        ("name:board", 0),
        ("-board", 1),
        ("fin*", 1),
        ("größe", 1),
        ("grosse", 0),
        ("", 0),
        ('"', 0),
        ("* - +", 0),
    ],
)
def test_words_are_beginnings_and_all_must_occur(catalog: Catalog, text: str, count: int) -> None:
    """Each word may be the beginning of one, all must occur, and punctuation has no meaning of its own."""
    entry = made.entry(1, source_original_path="C:\\watch\\board-7_final größe.csv")
    catalog.write(lambda tx: entries.add(tx, entry))
    assert found(catalog, text) == count


def test_the_folder_is_not_searched(catalog: Catalog) -> None:
    """Entries are found by the name of their file, not by the folder that all of them share."""
    catalog.write(lambda tx: entries.add(tx, made.entry(1)))
    assert found(catalog, "watch") == 0


def test_an_entry_is_found_by_each_of_its_reports(catalog: Catalog) -> None:
    """A report that comes later is found as well as the first, which stays found."""

    def unit(tx: Connection) -> None:
        entries.add(tx, made.entry(1))
        for number in (1, 2):
            report = replace(made.report(made.entry(1), number), serial_number=f"SN{number}", part_number=f"PN{number}")
            entries.add_report(tx, made.entry(1).archive_id, report)

    catalog.write(unit)
    assert [found(catalog, text) for text in ("SN1", "SN2", "PN1", "PN2", "SN3")] == [1, 1, 1, 1, 0]


def test_a_secret_that_becomes_known_later_is_no_alteration(catalog: Catalog) -> None:
    """An error that was indexed before a token was known still fits its entry."""
    token = "tok-5d1c9a7be04f"
    entry = made.entry(1, conversion_status=ConversionStatus.FAILED, conversion_error=f"refused {token} by the tester")
    catalog.write(lambda tx: entries.add(tx, entry))
    redaction.know_token("the server's token", token)
    with catalog.read() as db:
        assert list(text_check.other_texts(db)) == []
