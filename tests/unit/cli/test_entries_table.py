"""The list of entries on terminals of any width."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from io import StringIO

import pytest
from rich.console import Console
from tests.unit.catalog import made

from pywats_archive.cli import entries_table
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.report import UnitResult

SHORT = replace(
    made.entry(1),
    serial_number="SN1",
    part_number="PN-7",
    result=UnitResult.FAILED,
    conversion_status=ConversionStatus.SUCCESS,
    warnings=("no limits",),
    hold_reason="audit",
    report_id="5f1d",
)
LONG = replace(made.entry(2), converter_name="a converter with a long name", serial_number="4006381333931" * 4)
STAY = ["time", "converter", "serial number", "result"]
ALL = [*STAY, "converted", "", "source", "part number", "size", "archive id", "compressed", "report id"]


def drawn(monkeypatch: pytest.MonkeyPatch, width: int, *entries: ArchiveEntry, utc: bool = False) -> list[str]:
    """The lines of a table."""
    output = StringIO()
    monkeypatch.setattr(entries_table, "console", Console(file=output, width=width, highlight=False))
    entries_table.draw(entries, utc=utc)
    return [line.rstrip() for line in output.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 72, 80, 100, 120, 160, 200])
def test_no_line_is_longer_than_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Columns are left out until the rest fits, the most important ones stay, and nothing of them is lost."""
    for entries in ((SHORT,), (SHORT, LONG)):
        lines = drawn(monkeypatch, width, *entries)
        assert max(map(len, lines)) <= width
        assert all(name in lines[1] or name == "serial number" for name in STAY)
    assert "SN1" in "".join(lines) and "Failed" in "".join(lines)
    folded = "".join("".join(line.split()) for line in lines)
    assert LONG.serial_number is not None and sum(folded.count(digit) for digit in "4") >= 4


def test_columns_go_in_a_fixed_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The narrower the terminal, the fewer columns; what went first never comes back."""
    shown = []
    for width in range(200, 55, -1):
        header = drawn(monkeypatch, width, SHORT)[1]
        shown.append([name for name in ALL if name and name in header])
    assert shown[0] == [name for name in ALL if name]
    for wide, narrow in itertools.pairwise(shown):
        assert set(narrow) <= set(wide)
    assert shown[-1] == STAY


def test_times_are_local_words_or_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list says today and yesterday in local time, and whole moments in UTC."""
    now = datetime.now(timezone.utc)
    entries = [replace(SHORT, conversion_timestamp=now - timedelta(days=days)) for days in (0, 1, 2)]
    local = [line.strip() for line in drawn(monkeypatch, 100, *entries)[3:6]]
    for line, moment, word in zip(local, entries, ("today", "yesterday", None), strict=True):
        at = moment.conversion_timestamp.astimezone()
        assert line.startswith(f"{word or at.date().isoformat()} {at:%H:%M}")
    in_utc = [line.strip() for line in drawn(monkeypatch, 100, *entries, utc=True)[3:6]]
    for line, moment in zip(in_utc, entries, strict=True):
        assert line.startswith(f"{moment.conversion_timestamp:%Y-%m-%d %H:%MZ}")


def test_marks_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line under the table says what its marks mean, and only those."""
    assert drawn(monkeypatch, 100, SHORT)[-1] == "! with warnings, h held"
    assert "held" not in drawn(monkeypatch, 100, LONG)[-1]
