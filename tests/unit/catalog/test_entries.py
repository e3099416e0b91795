from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pywats_archive.catalog import conversions, entries, entry_pages, reports
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.errors import UnknownEntry
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, Companion, ConversionStatus, SourceKind
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import Report, UnitResult

from . import made

COMPANION = Companion(
    name="board/limits.txt", archived_path="sources/c.tar.gz", size_bytes=3, checksum="sha256:c", found_by="rule"
)
POSIX_NAMES = st.binary(min_size=1, max_size=255).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
WINDOWS_NAMES = st.lists(st.integers(1, 0xFFFF), min_size=1, max_size=255).map(
    lambda units: b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le", "surrogatepass")
)


def add_all(catalog: Catalog, *new: ArchiveEntry) -> None:
    catalog.write(lambda tx: [entries.add(tx, each) for each in new])


def convert(catalog: Catalog, of: ArchiveEntry, conversion: Conversion, made_reports: list[Report]) -> None:
    def unit(tx: Connection) -> None:
        conversions.add(tx, conversion)
        for report in made_reports:
            reports.add(tx, report)
        entries.apply_conversion(tx, of.archive_id, conversion, made_reports, retention_until=of.retention_until)

    catalog.write(unit)


def found(catalog: Catalog, **wanted: object) -> list[str]:
    with catalog.read() as db:
        return [e.archive_id for e in entry_pages.find(db, EntryFilter(**wanted), limit=100).items]  # type: ignore[arg-type]


def get(catalog: Catalog, archive_id: str) -> ArchiveEntry:
    with catalog.read() as db:
        return entries.get(db, archive_id)


def test_an_entry_comes_back_equal(catalog: Catalog) -> None:
    """Every field of an entry comes back as it was put in."""
    whole = made.entry(
        1,
        converter_version="1.0",
        source_kind=SourceKind.FOLDER,
        compression_level=1,
        companions=(COMPANION,),
        conversion_status=ConversionStatus.REJECTED,
        conversion_error="line 7: no limit",
        conversion_duration_ms=5,
        warnings=("no steps",),
        report_id="r",
        report_archived_path="reports/r.json.gz",
        report_size_bytes=9,
        report_count=2,
        serial_number="SN",
        part_number="PN",
        purged_at=made.MORNING,
    )
    add_all(catalog, whole, made.entry(2))
    assert get(catalog, whole.archive_id) == whole
    assert get(catalog, made.entry(2).archive_id) == made.entry(2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=100)
@given(name=st.one_of(POSIX_NAMES, WINDOWS_NAMES, st.just('"quoted".csv'), st.just("line\nbreak")))
def test_any_name_comes_back_equal(catalog: Catalog, name: str) -> None:
    """Any path that POSIX or Windows can give comes back equal, and finds its entry again."""
    entry = made.entry(1, source_original_path=name)

    def unit(tx: Connection) -> ArchiveEntry | None:
        number = entries.add(tx, entry)
        same = entries.find_same_source(
            tx,
            path=name,
            size_bytes=entry.source_size_bytes,
            mtime_ns=entry.source_mtime_ns,
            checksum=entry.source_checksum,
            converter_name="CSV",
        )
        assert entries.known_paths(tx, [f"{name}.old", name]) == {name}
        tx.exec_driver_sql("DELETE FROM archive_entries WHERE entry_no = ?", (number,))
        tx.exec_driver_sql("DELETE FROM entry_text WHERE rowid = ?", (number,))
        return same

    assert catalog.write(unit) == entry


def test_a_source_is_the_same_only_in_all_respects(catalog: Catalog) -> None:
    """Another path, size, time, content or converter is another source."""
    entry = made.entry(1)
    add_all(catalog, entry)
    asked = {
        "path": entry.source_original_path,
        "size_bytes": entry.source_size_bytes,
        "mtime_ns": entry.source_mtime_ns,
        "checksum": entry.source_checksum,
        "converter_name": "CSV",
    }
    others = {"path": "/else", "size_bytes": 1, "mtime_ns": 1, "checksum": "sha256:0", "converter_name": "XML"}
    with catalog.read() as db:
        assert entries.find_same_source(db, **asked) == entry  # type: ignore[arg-type]
        for key, value in others.items():
            assert entries.find_same_source(db, **asked | {key: value}) is None, key  # type: ignore[arg-type]


def test_an_unknown_entry_is_named(catalog: Catalog) -> None:
    """Asking for, or changing, an entry that is not there says which one."""
    name = made.entry(1).archive_id
    for act in (entries.get, lambda tx, a: entries.set_companions(tx, a, (), disk_size_bytes=0)):
        with pytest.raises(UnknownEntry, match=f"no entry '{name}'"):
            catalog.write(lambda tx, act=act: act(tx, name))  # type: ignore[misc]
    with catalog.read() as db:
        assert not entries.has(db, name)
        with pytest.raises(UnknownEntry):
            entries.get(db, "\udcff")


def test_the_latest_conversion_shows(catalog: Catalog) -> None:
    """An entry shows its latest conversion, with its first report and the number of all."""
    entry = made.entry(1, conversion_error="the one before")
    add_all(catalog, entry)
    conversion = made.conversion(entry, warnings=("no limits",))
    convert(catalog, entry, conversion, [made.report(entry, 1), made.report(entry, 2)])
    first = made.report(entry, 1)
    assert get(catalog, entry.archive_id) == replace(
        entry,
        converter_version="1.2.0",
        conversion_timestamp=conversion.started_at,
        conversion_parameters={"separator": ","},
        conversion_status=ConversionStatus.SUCCESS,
        conversion_error=None,
        conversion_duration_ms=42,
        warnings=("no limits",),
        report_id=first.report_id,
        report_archived_path=first.archived_path,
        report_size_bytes=4_000,
        report_count=2,
        serial_number="SN-001",
        part_number="PN-7",
        result=UnitResult.PASSED,
    )


def test_a_failure_clears_what_showed_before(catalog: Catalog) -> None:
    """A failed replay shows as failed, without the reports of the conversion before it."""
    entry = made.entry(1)
    add_all(catalog, entry)
    convert(catalog, entry, made.conversion(entry), [made.report(entry)])
    failure = made.conversion(entry, status=ConversionStatus.FAILED, error="limit file missing")
    convert(catalog, entry, failure, [])
    now = get(catalog, entry.archive_id)
    assert (now.conversion_status, now.conversion_error) == (ConversionStatus.FAILED, "limit file missing")
    assert (now.report_id, now.report_count, now.serial_number) == (None, 0, None)


def test_conditions_all_hold(catalog: Catalog) -> None:
    """Each condition alone and together finds exactly the entries that meet it."""
    one, two, three = made.entry(1), made.entry(2, converter_name="XML"), made.entry(3)
    add_all(catalog, one, two, three)
    failed = made.conversion(three, status=ConversionStatus.FAILED, error="Division by zero")
    convert(catalog, one, made.conversion(one, warnings=("no steps",)), [made.report(one), made.report(one, 2)])
    convert(catalog, three, failed, [])
    minute = timedelta(minutes=1)
    assert found(catalog) == [three.archive_id, two.archive_id, one.archive_id]
    assert found(catalog, newest_first=False) == [one.archive_id, two.archive_id, three.archive_id]
    assert found(catalog, converter_name="XML") == [two.archive_id]
    assert found(catalog, status=ConversionStatus.FAILED) == [three.archive_id]
    assert found(catalog, status=ConversionStatus.PENDING) == [two.archive_id]
    assert found(catalog, serial_number="sn-002") == [one.archive_id]
    assert found(catalog, part_number="pn-7") == [one.archive_id]
    assert found(catalog, serial_number="SN") == []
    assert found(catalog, warned=True) == [one.archive_id]
    assert found(catalog, warned=False) == [three.archive_id, two.archive_id]
    assert found(catalog, text="divis") == [three.archive_id]
    assert found(catalog, text="board2.csv") == [two.archive_id]
    assert found(catalog, text="SN-002 steps") == [one.archive_id]
    assert found(catalog, text="SN-002 zero") == []
    assert found(catalog, text=" ") == []
    assert found(catalog, text="board", converter_name="CSV", status=ConversionStatus.SUCCESS) == [one.archive_id]
    assert found(catalog, from_date=two.conversion_timestamp, to_date=two.conversion_timestamp) == [two.archive_id]
    assert found(catalog, to_date=made.MORNING + minute) == []


def test_a_range_in_another_zone_is_the_same_range(catalog: Catalog) -> None:
    """The ends of a range are moments, in whatever zone they are told."""
    entry = made.entry(1)
    add_all(catalog, entry)
    here: datetime = entry.conversion_timestamp.astimezone(timezone(timedelta(hours=-9, minutes=-30)))
    assert found(catalog, from_date=here, to_date=here) == [entry.archive_id]
    assert found(catalog, from_date=here + timedelta(microseconds=1)) == []


def test_the_day_of_a_converter_uses_its_index(catalog: Catalog) -> None:
    """One converter's day, a same source, a serial number and an id are each looked up, never scanned for."""
    day = "converter_name = ? AND conversion_timestamp >= ? ORDER BY conversion_timestamp DESC, archive_id DESC"
    by_report = "archive_id IN (SELECT archive_id FROM reports WHERE serial_number = ?)"
    for where, marks in (
        (day, 2),
        ("source_path = ? AND source_mtime_ns = ?", 2),
        (by_report, 1),
        ("archive_id = ?", 1),
    ):
        with catalog.read() as db:
            sql = f"EXPLAIN QUERY PLAN SELECT * FROM archive_entries WHERE {where}"
            plan = " ".join(row[3] for row in db.exec_driver_sql(sql, ("x",) * marks))
        assert "SCAN" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


def test_companions_are_replaced(catalog: Catalog) -> None:
    """Companions set later are the entry's companions."""
    entry = made.entry(1)
    add_all(catalog, entry)
    catalog.write(lambda tx: entries.set_companions(tx, entry.archive_id, (COMPANION,), disk_size_bytes=0))
    assert get(catalog, entry.archive_id).companions == (COMPANION,)


def test_words_that_no_database_holds_are_escaped(catalog: Catalog) -> None:
    """A conversion whose error or serial number has lone surrogates is recorded all the same, and found."""
    entry = made.entry(
        1, source_original_path=os.fsdecode(b"/watch/caf\xe9.csv") if os.name == "posix" else "/w/\udce9"
    )
    add_all(catalog, entry)
    conversion = made.conversion(entry, error="caf\udce9.csv: empty", traceback="\udce9")
    convert(catalog, entry, conversion, [made.report(entry, serial_number="S\udce9")])
    assert get(catalog, entry.archive_id).conversion_error == "caf\\udce9.csv: empty"
    assert found(catalog, serial_number="S\udce9") == [entry.archive_id]
    assert found(catalog, text="caf\udce9.csv") == [entry.archive_id]


def test_times_read_well_and_sort(catalog: Catalog) -> None:
    """Whoever has sqlite3 alone reads UTC times of one width, which sort by time."""
    whole_second = made.MORNING.replace(microsecond=0)
    add_all(catalog, made.entry(1, created_at=made.MORNING), made.entry(2, created_at=whole_second))
    raw = sqlite3.connect(catalog.path)
    texts = [text for (text,) in raw.execute("SELECT created_at FROM archive_entries ORDER BY created_at")]
    raw.close()
    assert texts == ["2026-02-13T08:30:22.000000+00:00", "2026-02-13T08:30:22.123456+00:00"]
