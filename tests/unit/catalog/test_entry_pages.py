"""Pages of entries in every order: neither gaps nor repeats, whatever is missing, and quick by their indexes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from pywats_archive.catalog import conversions, entries, entry_order, entry_pages, reports
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.errors import UsageError
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.query import EntryFilter, SortKey
from pywats_archive.models.report import SubmissionState, UnitResult, worst

from . import made

FIELDS = {
    SortKey.TIME: "conversion_timestamp",
    SortKey.SERIAL: "serial_number",
    SortKey.SIZE: "source_size_bytes",
    SortKey.DURATION: "conversion_duration_ms",
    SortKey.RESULT: "result",
}


def add_all(catalog: Catalog, *new: ArchiveEntry) -> None:
    catalog.write(lambda tx: [entries.add(tx, each) for each in new])


def mixed(number: int) -> ArchiveEntry:
    """An entry with many equal values, and with missing ones."""
    return made.entry(
        number,
        converter_name="ABC"[number % 3],
        conversion_timestamp=made.MORNING + timedelta(minutes=number // 4),
        serial_number=None if number % 5 == 0 else f"SN{number % 7}",
        source_size_bytes=100 * (number % 6),
        conversion_duration_ms=None if number % 4 == 0 else number % 9,
        result=None if number % 3 == 0 else list(UnitResult)[number % 5],
    )


@pytest.fixture
def filled(catalog: Catalog) -> list[ArchiveEntry]:
    """53 entries, in the order in which they were added."""
    added = [mixed(number * 19 % 53) for number in range(53)]
    add_all(catalog, *added)
    return added


def in_order(added: list[ArchiveEntry], wanted: EntryFilter) -> list[str]:
    """What a page of all must be: sorted in memory."""
    if wanted.text is not None and wanted.sort is SortKey.TIME:
        return [each.archive_id for each in (reversed(added) if wanted.newest_first else added)]
    name = FIELDS[wanted.sort]
    there = [each for each in added if getattr(each, name) is not None]
    missing = [each for each in added if getattr(each, name) is None]

    def key(entry: ArchiveEntry) -> tuple[object, ...]:
        by_time = [entry.conversion_timestamp] if wanted.sort is SortKey.RESULT else []
        value = getattr(entry, name)
        return (*([] if value is None else [value]), *by_time, entry.archive_id)

    return [each.archive_id for part in (there, missing) for each in sorted(part, key=key, reverse=wanted.newest_first)]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("text", [None, "csv"])
@pytest.mark.parametrize("sort", SortKey)
def test_pages_have_neither_gaps_nor_repeats(
    catalog: Catalog, filled: list[ArchiveEntry], sort: SortKey, text: str | None, newest_first: bool
) -> None:
    """By position, by number and in one stream, every order gives each entry once; what is missing comes last."""
    wanted = EntryFilter(newest_first=newest_first, text=text, sort=sort)
    with catalog.read() as db:
        numbered = [entry_pages.find(db, wanted, limit=10, offset=n) for n in range(0, 60, 10)]
        followed = [entry_pages.find(db, wanted, limit=10)]
        while followed[-1].next:
            followed.append(entry_pages.find(db, wanted, limit=10, after=followed[-1].next))
        streamed = [entry.archive_id for entry in entry_pages.iterate(db, wanted, page_size=7)]
    expected = in_order(filled, wanted)
    for pages in (numbered, followed):
        assert [entry.archive_id for page in pages for entry in page.items] == expected
        assert [page.total for page in pages] == [53] * 6
        assert [len(page.items) for page in pages] == [10, 10, 10, 10, 10, 3]
    assert streamed == expected


def test_a_page_past_the_end_is_empty(catalog: Catalog) -> None:
    """A page past the end is empty and still has the number of all."""
    add_all(catalog, made.entry(1))
    for wanted in (EntryFilter(), EntryFilter(sort=SortKey.SERIAL), EntryFilter(text="csv")):
        with catalog.read() as db:
            page = entry_pages.find(db, wanted, limit=10, offset=10)
        assert (page.items, page.total, page.next) == ((), 1, None)


def test_entries_that_come_meanwhile_shift_no_page(catalog: Catalog, filled: list[ArchiveEntry]) -> None:
    """A page begins behind the last entry of the one before, whatever came in front of it."""
    with catalog.read() as db:
        first = entry_pages.find(db, EntryFilter(), limit=10)
        add_all(catalog, *(made.entry(1000 + number) for number in range(5)))
        second = entry_pages.find(db, EntryFilter(), limit=10, after=first.next)
    assert [each.archive_id for each in (*first.items, *second.items)] == in_order(filled, EntryFilter())[:20]


def test_a_position_of_another_order_is_refused(catalog: Catalog, filled: list[ArchiveEntry]) -> None:
    """A position that does not fit the order, or that nobody made, is refused with what to do."""
    with catalog.read() as db:
        of_size = entry_pages.find(db, EntryFilter(sort=SortKey.SIZE), limit=10).next
        for position in (
            of_size,
            "",
            "x",
            "é",
            "bnVsbA",
            entry_order.written((None, "a")),
            entry_order.written((1, 2)),
        ):
            with pytest.raises(UsageError, match="is no position in this order"):
                entry_pages.find(db, EntryFilter(), limit=10, after=position)


def test_many_matches_are_counted_up_to_a_limit(
    catalog: Catalog, filled: list[ArchiveEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limit a page says that there are more; whole catalogs and converters are counted by their sums."""
    monkeypatch.setattr(entry_pages, "COUNTED", 20)

    def counted(**wanted: object) -> tuple[int, bool]:
        with catalog.read() as db:
            page = entry_pages.find(db, EntryFilter(**wanted), limit=2)  # type: ignore[arg-type]
        return page.total, page.total_is_exact

    assert counted(status=ConversionStatus.PENDING) == (20, False)
    assert counted(text="csv") == (20, False)
    assert counted() == (53, True)
    assert counted(converter_name="A") == (18, True)
    assert counted(converter_name="B", result=UnitResult.FAILED) == (4, True)
    assert counted(converter_name="A", sort=SortKey.SIZE, newest_first=False) == (18, True)


def test_numbers_may_have_wildcards(catalog: Catalog) -> None:
    """``*`` and ``?`` stand for characters of serial and part numbers, and every other character for itself."""
    for number, serial in enumerate(("SN-1_0%", "sn-1x0%", "SN-2_0\\")):
        entry = made.entry(number)
        add_all(catalog, entry)
        catalog.write(lambda tx, of=entry: conversions.add(tx, made.conversion(of)))  # type: ignore[misc]
        report = made.report(entry, serial_number=serial)
        catalog.write(lambda tx, report=report: reports.add(tx, report))  # type: ignore[misc]
    found = {}
    for asked in ("SN-?_0*", "sn-1*", "*0%", "*\\", "SN-1_0%", "SN-1", "*"):
        with catalog.read() as db:
            page = entry_pages.find(db, EntryFilter(serial_number=asked), limit=10)
        found[asked] = sorted(int(each.source_original_path[12:-4]) for each in page.items)
    assert found == {
        "SN-?_0*": [0, 2],
        "sn-1*": [0, 1],
        "*0%": [0, 1],
        "*\\": [2],
        "SN-1_0%": [0],
        "SN-1": [],
        "*": [0, 1, 2],
    }


def test_lists_read_what_their_indexes_have(catalog: Catalog, filled: list[ArchiveEntry]) -> None:
    """Each order, and one converter's list in each order, reads an index, and sorts no whole rows."""
    with catalog.read() as db:
        driver = db.connection.driver_connection
        for sort in SortKey:
            for name in (None, "A"):
                seen: list[str] = []
                driver.set_trace_callback(seen.append)  # type: ignore[union-attr]
                entry_pages.find(db, EntryFilter(sort=sort, converter_name=name), limit=5)
                driver.set_trace_callback(None)  # type: ignore[union-attr]
                plan = [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {seen[0]}")]
                inner = plan[plan.index(next(step for step in plan if "SUBQUERY" in step)) + 1]
                assert "USING COVERING INDEX" in inner, (sort, name, plan)


def _plan(db: Connection, wanted: EntryFilter) -> list[str]:
    driver, seen = db.connection.driver_connection, list[str]()
    driver.set_trace_callback(seen.append)  # type: ignore[union-attr]
    entry_pages.find(db, wanted, limit=5)
    driver.set_trace_callback(None)  # type: ignore[union-attr]
    own = [text for text in seen if not text.startswith("--")]  # others are of the full-text index
    return [row[3] for text in own for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]


def test_failures_and_named_entries_are_found_by_their_indexes(catalog: Catalog, filled: list[ArchiveEntry]) -> None:
    """The list of one reason reads the index of failures alone, that of named entries their rows."""
    first = date(2026, 1, 1)
    with catalog.read() as db:
        for wanted in (EntryFilter(failure_reason="x"), EntryFilter(failure_reason="x", from_date=first, purged=False)):
            assert any("idx_failed" in step for step in _plan(db, wanted)), wanted
        named = EntryFilter(archive_ids=(filled[0].archive_id, filled[1].archive_id, "none"))
        assert {each.archive_id for each in entry_pages.find(db, named, limit=5).items} == set(
            named.archive_ids or ()
        ) - {"none"}
        assert any("archive_id=?" in step for step in _plan(db, named))
        assert entry_pages.find(db, EntryFilter(archive_ids=()), limit=5).total == 0


@pytest.mark.parametrize(
    ("texts", "result"),
    [
        (("P", "Passed", "passed "), UnitResult.PASSED),
        (("F", "P"), UnitResult.FAILED),
        (("Error", "F", "T"), UnitResult.ERROR),
        (("Terminated", "Failed"), UnitResult.TERMINATED),
        (("Done", None), UnitResult.DONE),
        (("unknown", "", None, "PF"), None),
        ((), None),
    ],
)
def test_the_worst_result_counts(texts: tuple[str | None, ...], result: UnitResult | None) -> None:
    """An entry has the worst result of its units, by letter or word; what WATS does not know is none."""
    assert worst(map(UnitResult.read, texts)) is result


def test_a_list_by_reports_is_read_and_counted_from_what_is_smallest(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accepted is almost every report: entries are read in their order, until there are enough. Counts read reports alone."""
    monkeypatch.setattr(entry_pages, "COUNTED", 4)
    for number in range(12):
        entry = mixed(number)
        add_all(catalog, entry)
        state = SubmissionState.ACCEPTED if number % 3 else SubmissionState.REFUSED
        for ordinal in (1, 2):
            report = made.report(entry, ordinal, submission_state=state)
            catalog.write(lambda tx, report=report: reports.add(tx, report))  # type: ignore[misc]
    with catalog.read() as db:
        accepted = EntryFilter(submission=SubmissionState.ACCEPTED)
        plan = _plan(db, accepted)
        assert any("idx_timestamp" in step for step in plan) and not any("idx_report_submission" in s for s in plan)
        counted = _plan(db, EntryFilter(part_number="PN-7"))[-4:]
        assert any("SEARCH reports" in step for step in counted) and not any("archive_entries" in s for s in counted)
        found = {
            wanted: entry_pages.find(db, wanted, limit=2)
            for wanted in (accepted, EntryFilter(submission=SubmissionState.REFUSED), EntryFilter(part_number="PN-7"))
        }
        everyone = entry_pages.find(db, accepted, limit=100)
    assert [(page.total, page.total_is_exact) for page in found.values()] == [(4, False), (4, True), (4, False)]
    assert {int(each.source_original_path[12:-4]) for each in everyone.items} == {1, 2, 4, 5, 7, 8, 10, 11}


def test_words_of_some_days_are_searched_for_in_these_days_alone(catalog: Catalog, filled: list[ArchiveEntry]) -> None:
    """The full-text index is read between the first and the last entry of the days, for the page as for the count."""
    day = made.MORNING.date()
    with catalog.read() as db:
        plan = _plan(db, EntryFilter(text="csv", from_date=day, to_date=day))
    searches = [step for step in plan if step.startswith("SCAN entry_text")]
    assert len(searches) == 2 and all(step.endswith("><") for step in searches), plan


def test_a_reason_is_one_of_an_entry_that_failed(catalog: Catalog) -> None:
    """An earlier version that still ran beside the new catalog changed the status, and left the reason as it was."""
    failed = made.entry(1, conversion_status=ConversionStatus.FAILED, conversion_error="no header")
    add_all(catalog, failed, made.entry(2, conversion_status=ConversionStatus.FAILED, conversion_error="no header"))
    wanted = EntryFilter(failure_reason="no header")
    with catalog.read() as db:
        assert entry_pages.find(db, wanted, limit=9).total == 2
    later = "UPDATE archive_entries SET conversion_status = 'SUCCESS' WHERE archive_id = ?"
    catalog.write(lambda tx: execute(tx, later, (failed.archive_id,)))
    with catalog.read() as db:
        assert [each.archive_id for each in entry_pages.find(db, wanted, limit=9).items] == [made.entry(2).archive_id]
