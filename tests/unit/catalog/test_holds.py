"""Holds in the catalog."""

from __future__ import annotations

from pywats_archive.catalog import entries, purges
from pywats_archive.catalog.engine import Catalog

from . import made


def test_holds_are_found_without_reading_every_entry(catalog: Catalog) -> None:
    """Oldest entry first; the table is read for what is held alone."""
    for number in range(4):
        catalog.write(lambda tx, number=number: entries.add(tx, made.entry(number)))  # type: ignore[misc]
    held = [made.entry(number).archive_id for number in (3, 1)]
    for archive_id in held:
        catalog.write(
            lambda tx, each=archive_id: purges.set_hold(tx, each, reason="audit", by="ann", now=made.MORNING)  # type: ignore[misc]
        )
    with catalog.read() as db:
        seen: list[str] = []
        driver = db.connection.driver_connection
        driver.set_trace_callback(seen.append)  # type: ignore[union-attr]
        assert [each.archive_id for each in purges.holds(db)] == sorted(held)
        driver.set_trace_callback(None)  # type: ignore[union-attr]
        plan = [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {seen[0]}")]
    assert [step for step in plan if step.startswith("SCAN")] == ["SCAN archive_entries USING INDEX idx_held"]
