"""The table of the demo."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.catalog import made

from pywats_archive.cli.demo import one_of_each
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus


def entry(number: int, converter: str, status: ConversionStatus = ConversionStatus.SUCCESS) -> ArchiveEntry:
    """Make an entry of a converter."""
    return replace(made.entry(1), archive_id=f"{number:03}", converter_name=converter, conversion_status=status)


@pytest.mark.parametrize(
    ("limit", "ids"),
    [(3, ["000", "150", "199"]), (4, ["000", "002", "150", "199"]), (5, ["000", "001", "002", "150", "199"])],
)
def test_each_status_is_shown_then_each_converter(limit: int, ids: list[str]) -> None:
    """Of 200 entries few are shown, in their order, and none of a kind is missing before others are shown twice."""
    entries = [entry(number, "csv") for number in range(200)]
    entries[150] = entry(150, "csv", ConversionStatus.FAILED)
    entries[199] = entry(199, "csv", ConversionStatus.SKIPPED)
    entries[2] = entry(2, "json")
    assert [each.archive_id for each in one_of_each(entries, limit)] == ids
    assert one_of_each(entries[:2], 10) == entries[:2]
