from __future__ import annotations

from dataclasses import replace

from pywats_archive.catalog import conversions, entries
from pywats_archive.catalog.engine import Catalog
from pywats_archive.models.entry import ConversionStatus

from . import made

ENTRY = made.entry(1)


def test_attempts_come_back_in_order(catalog: Catalog) -> None:
    """Every attempt comes back as it was put in, numbered in its order, with the configuration of its moment."""
    catalog.write(lambda tx: (entries.add(tx, ENTRY), entries.add(tx, made.entry(2))))
    failed = made.conversion(
        ENTRY,
        status=ConversionStatus.FAILED,
        error="no limit",
        traceback="Traceback …\n",
        warnings=("odd",),
        distribution="seica 2.1",
        post_action="keep",
    )
    bare = made.conversion(ENTRY, parameters={}, configuration={}, converter_version=None)
    added = [failed, bare, failed]
    numbers = [catalog.write(lambda tx, each=each: conversions.add(tx, each)) for each in added]  # type: ignore[misc]
    catalog.write(lambda tx: conversions.add(tx, made.conversion(made.entry(2))))
    with catalog.read() as db:
        kept = conversions.of_entry(db, ENTRY.archive_id)
    assert kept == tuple(
        replace(each, conversion_id=number, attempt=n)
        for n, (each, number) in enumerate(zip(added, numbers, strict=True), 1)
    )


def test_a_configuration_is_kept_once(catalog: Catalog) -> None:
    """The same configuration takes its room once, whatever the order of its keys."""
    catalog.write(lambda tx: entries.add(tx, ENTRY))
    for configuration in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 2}):
        conversion = made.conversion(ENTRY, configuration=configuration)
        catalog.write(lambda tx, each=conversion: conversions.add(tx, each))  # type: ignore[misc]
    with catalog.read() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM configurations").scalar() == 2
        kept = [each.configuration for each in conversions.of_entry(db, ENTRY.archive_id)]
    assert kept == [{"a": 1, "b": 2}, {"a": 1, "b": 2}, {"a": 2}]
