"""Entries are found by what people have at hand: a part of an id, a serial number, a path or a file name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.catalog import made

from pywats_archive import Client
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import conversions, entries, reports
from pywats_archive.errors import UnknownEntry, UsageError

ONE, TWO, THREE, OTHER = (made.entry(number) for number in range(4))
NAMED = made.entry(5, source_original_path="/watch/2026.csv"), made.entry(6, source_original_path="C:\\w\\100% _ok.csv")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Two archives: the first has two entries of serial number SN7, the second one of it, and odd file names."""
    for root, added in ((tmp_path / "a", (ONE, TWO)), (tmp_path / "b", (THREE, OTHER, *NAMED))):
        with Archive.open(root, create=True, own=True) as archive:
            for entry in added:
                archive.write(lambda tx, entry=entry: entries.add(tx, entry))  # type: ignore[misc]
                if entry in (ONE, TWO, THREE):
                    conversion, report = made.conversion(entry), made.report(entry, serial_number="SN7")
                    archive.write(lambda tx, new=conversion: conversions.add(tx, new))  # type: ignore[misc]
                    archive.write(lambda tx, new=report: reports.add(tx, new))  # type: ignore[misc]
    with Client([tmp_path / "a", tmp_path / "b"]) as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (ONE.archive_id, ONE),
        (OTHER.archive_id[18:], OTHER),
        (OTHER.archive_id[17:], OTHER),
        (OTHER.archive_id[:17], OTHER),
        (OTHER.archive_id[:21], OTHER),
        ("/watch/board3.csv", OTHER),
        ("/watch/../watch/board3.csv", OTHER),
        ("board3.csv", OTHER),
        ("2026.csv", NAMED[0]),
        ("100% _ok.csv", NAMED[1]),
    ],
)
def test_an_entry_has_many_names(client: Client, text: str, entry: object) -> None:
    """Each of them finds the one entry that it names."""
    assert client.resolve(text) == entry.archive_id  # type: ignore[attr-defined]


def test_the_newest_of_a_unit_may_do(client: Client) -> None:
    """A serial number with several entries lists them, newest first, or is the newest; a part of an id is never guessed."""
    for serial in ("SN7", "sn7"):
        assert client.resolve(serial, newest=True) == THREE.archive_id
        with pytest.raises(UsageError, match=f"choose one: {THREE.archive_id}, {TWO.archive_id}, {ONE.archive_id}$"):
            client.resolve(serial)
    for newest in (True, False):
        with pytest.raises(UsageError, match="'20260213' names several entries"):
            client.resolve("20260213", newest=newest)


@pytest.mark.parametrize(
    "text", ["board", "SN", "csv", "%", "202", "ffffff", "/watch/100% _ok.csv", "'; DROP TABLE runs; --"]
)
def test_what_names_nothing_is_said(client: Client, text: str) -> None:
    """Parts of serial numbers and file names are no names of entries."""
    with pytest.raises(UnknownEntry, match="no entry"):
        client.resolve(text)
