"""The Archives page and its address."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl

import pytest

from pywats_archive.errors import UsageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter, SortKey
from pywats_archive.models.report import SubmissionState, UnitResult
from pywats_archive.web.views.address import ArchiveView, read

FULL = {
    "q": "no limits",
    "converter": "ICT & co",
    "status": "failed",
    "result": "PASSED",
    "from": "2026-01-31",
    "to": "2026-02-01",
    "serial": "SN*",
    "part": "PCB-%",
    "submission": "waiting",
    "warned": "yes",
    "purged": "no",
    "sort": "size",
    "order": "asc",
}


def test_every_field_is_a_condition() -> None:
    """The address says all that the filter of the library can, and ``%`` is a wildcard too, as in WATS."""
    assert read(FULL).wanted() == EntryFilter(
        text="no limits",
        converter_name="ICT & co",
        status=ConversionStatus.FAILED,
        result=UnitResult.PASSED,
        from_date=date(2026, 1, 31),
        to_date=date(2026, 2, 1),
        serial_number="SN*",
        part_number="PCB-*",
        submission=SubmissionState.WAITING,
        warned=True,
        purged=False,
        sort=SortKey.SIZE,
        newest_first=False,
    )


def test_an_address_comes_back() -> None:
    """A view's own address gives the same view; a change of a condition goes back to the first page."""
    view = read({**FULL, "after": "abc"})
    assert read(dict(parse_qsl(view.query(after="abc")))) == view
    assert dict(parse_qsl(view.query(status=""))) == {k: v for k, v in FULL.items() if k != "status"}


def test_chips_remove_one_condition_each() -> None:
    """Each condition has a chip, whose address has all others."""
    chips = read(FULL).chips
    for name, (_, _, without) in zip([name for name in FULL if name not in ("sort", "order")], chips, strict=True):
        assert dict(parse_qsl(without)) == {k: v for k, v in FULL.items() if k != name}


def test_a_column_sorts_both_ways() -> None:
    """The first click sorts descending, the next one ascending."""
    once = ArchiveView(sort="size", order="desc")
    assert "order=desc" in ArchiveView().sorted_by("size") and "order=asc" in once.sorted_by("size")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"status": '"><img src=x>'}, "status"),
        ({"result": "good"}, "result"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-13-01"}, "to"),
        ({"from": "2026-02-02", "to": "2026-02-01"}, "swap"),
        ({"warned": "maybe"}, "warned"),
        ({"order": "up"}, "order"),
        ({"sort": "colour"}, "sort"),
        ({"pages": "1"}, "pages"),
        ({"from_": "2026-01-01"}, "from_"),
        ({"q": "x" * 1001}, "q"),
    ],
)
def test_a_wrong_value_is_one_clear_error(fields: dict[str, str], named: str) -> None:
    """The error names the field."""
    with pytest.raises(UsageError, match=named):
        read(fields).wanted()
