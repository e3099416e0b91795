"""The sums that triggers keep are what a count over all rows gives, whatever was done in whatever order."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pywats_archive.catalog import entries, purges, reports
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.retention.purge import PurgeReason

from . import made

_COUNTED = (
    "SELECT converter_name, substr(archive_id, 1, 8), CASE WHEN purged_at IS NULL THEN conversion_status ELSE 'PURGED' END, "
    "count(*), count(warnings), sum(source_size_bytes), sum(compressed_size_bytes), sum(disk_size_bytes), "
    "sum((SELECT count(*) FROM reports r WHERE r.archive_id = e.archive_id)), "
    "coalesce(sum((SELECT sum(size_bytes) FROM reports r WHERE r.archive_id = e.archive_id)), 0), "
    "coalesce(sum((SELECT sum(compressed_size_bytes) FROM reports r WHERE r.archive_id = e.archive_id)), 0) "
    "FROM archive_entries e GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)
_ACTS = ("convert", "fail", "warn", "report", "companion", "remove", "purge")


@pytest.mark.long
@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(_ACTS)), max_size=40))
def test_sums_are_kept(acts: list[tuple[int, str]]) -> None:
    """After any changes of six entries of two converters, each sum is what counting gives."""
    with TemporaryDirectory() as folder:
        catalog = Catalog.open(Path(folder) / "metadata.db")
        new = [made.entry(n * 700, converter_name="AB"[n % 2], disk_size_bytes=4096) for n in range(6)]
        catalog.write(lambda tx: [entries.add(tx, each) for each in new])
        for step, (number, act) in enumerate(acts):
            catalog.write(lambda tx, n=number, act=act, step=step: _do(tx, act, new[n].archive_id, step))  # type: ignore[misc]
        with catalog.read() as db:
            kept = execute(db, "SELECT * FROM entry_figures WHERE entries > 0 ORDER BY 1, 2, 3").fetchall()
            assert kept == execute(db, _COUNTED).fetchall()
            empty = execute(db, "SELECT * FROM entry_figures WHERE entries = 0").fetchall()
            assert all(not any(row[3:]) for row in empty)
        catalog.close()


def _do(tx: Connection, act: str, archive_id: str, step: int) -> None:
    entry = entries.get(tx, archive_id)
    if act in ("convert", "fail", "warn"):
        status = ConversionStatus.FAILED if act == "fail" else ConversionStatus.SUCCESS
        warnings = ("no steps",) if act == "warn" else ()
        conversion = made.conversion(entry, status=status, warnings=warnings)
        entries.apply_conversion(tx, archive_id, conversion, [], retention_until=entry.retention_until)
    elif act == "report":
        reports.add(tx, made.report(entry, step + 1, disk_size_bytes=8192))
    elif act == "companion":
        entries.set_companions(tx, archive_id, (), disk_size_bytes=4096)
    elif act == "remove":
        for report in reports.of_entry(tx, archive_id)[:1]:
            reports.set_removed(tx, report)
    else:
        number = purges.begin(tx, entry.converter_name, PurgeReason.MANUAL, actor="a", now=made.MORNING)
        purges.mark(tx, number, [archive_id], unsubmitted=True, now=made.MORNING)
