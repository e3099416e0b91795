"""``list`` of more entries than a table shows."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.command import command
from tests.unit.catalog import made

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import entries


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive with 130 entries."""
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        archive.write(lambda tx: [entries.add(tx, made.entry(number)) for number in range(130)])
    return tmp_path / "archive"


@pytest.mark.parametrize(
    ("words", "first", "number"),
    [
        ([], 0, 130),
        (["--last", "20"], 0, 20),
        (["--limit", "20", "--offset", "120"], 120, 10),
        (["--offset", "9"], 9, 121),
    ],
)
def test_csv_has_all_entries(root: Path, words: list[str], first: int, number: int) -> None:
    """A table ends after a hundred entries and says so; what goes into a file has all, or as many as are asked for."""
    answer = command("list", "--csv", *words, "--archive", root)
    listed = list(csv.DictReader(answer.stdout.splitlines()))
    newest_first = [made.entry(each).archive_id for each in reversed(range(130))]
    assert [each["archive_id"] for each in listed] == newest_first[first : first + number]


def test_a_table_ends_after_a_hundred(root: Path) -> None:
    """It says how many there are; JSON has their number."""
    assert "1 to 100 of 130" in command("list", "--archive", root).stdout
    page = json.loads(command("list", "--json", "--archive", root).stdout)
    assert (len(page["entries"]), page["total"], page["total_is_exact"]) == (100, 130, True)
