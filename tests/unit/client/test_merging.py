"""One list over several archives is the list that one archive with all entries would have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.catalog import made

from pywats_archive import Client
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import entries
from pywats_archive.errors import UsageError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter, SortKey
from pywats_archive.models.report import UnitResult


def mixed(number: int) -> ArchiveEntry:
    """An entry with many equal values, and with missing ones."""
    return made.entry(
        number,
        conversion_timestamp=made.MORNING + timedelta(minutes=number // 4),
        serial_number=None if number % 5 == 0 else f"SN{number % 7}",
        source_size_bytes=100 * (number % 6),
        conversion_duration_ms=None if number % 4 == 0 else number % 9,
        result=None if number % 3 == 0 else list(UnitResult)[number % 5],
    )


def fill(root: Path, new: list[ArchiveEntry]) -> Path:
    with Archive.open(root, create=True, own=True) as archive:
        archive.write(lambda tx: [entries.add(tx, each) for each in new])
    return root


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[tuple[Client, Client]]:
    """A client of one archive with 60 entries, and one of three archives with those entries among them."""
    added = [mixed(number) for number in range(60)]
    whole = fill(tmp_path / "whole", added)
    halves = [
        [each for number, each in enumerate(added) if (number * number % 3 == 0) is part] for part in (True, False)
    ]
    parts = [fill(tmp_path / f"part{number}", half) for number, half in enumerate([*halves, []])]
    with Client([whole]) as one, Client(parts) as several:
        yield one, several


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("text", [None, "csv"])
@pytest.mark.parametrize("sort", SortKey)
def test_the_list_is_the_same(
    clients: tuple[Client, Client], sort: SortKey, text: str | None, newest_first: bool
) -> None:
    """Page by page, by number and by position, and as a stream."""
    one, several = clients
    wanted = EntryFilter(sort=sort, text=text, newest_first=newest_first)
    expected = [entry.archive_id for entry in one.find(wanted, limit=100).items]
    assert len(expected) == 60
    numbered = [several.find(wanted, limit=7, offset=offset) for offset in range(0, 60, 7)]
    followed = [several.find(wanted, limit=7)]
    while followed[-1].next:
        followed.append(several.find(wanted, limit=7, after=followed[-1].next))
    for pages in (numbered, followed):
        assert [entry.archive_id for page in pages for entry in page.items] == expected
    assert [page.total for page in numbered] == [60] * 9
    assert [entry.archive_id for entry in several.entries(wanted)] == expected


@pytest.mark.parametrize("newest_first", [True, False])
def test_an_old_entry_that_was_added_late_hides_no_other_one(tmp_path: Path, newest_first: bool) -> None:
    """Found by text, entries come in the order in which an archive got them, which may differ from that of their ids."""
    added = [made.entry(number) for number in range(6)]
    late = fill(tmp_path / "late", [added[3], added[5], added[0]])
    other = fill(tmp_path / "other", [added[1], added[4], added[2]])
    wanted = EntryFilter(text="csv", newest_first=newest_first)
    with Client([late, other]) as client:
        page = client.find(wanted, limit=2)
        found = list(page.items)
        while page.next:
            page = client.find(wanted, limit=2, after=page.next)
            found += page.items
    assert sorted(entry.archive_id for entry in found) == sorted(entry.archive_id for entry in added)


def test_a_position_of_other_archives_is_refused(clients: tuple[Client, Client]) -> None:
    """A position belongs to the archives that it came from."""
    one, several = clients
    with pytest.raises(UsageError, match="is no position in 3 archives"):
        several.find(EntryFilter(), after=one.find(EntryFilter(), limit=7).next)
    with pytest.raises(UsageError, match="is no position in this order"):
        one.find(EntryFilter(), after=several.find(EntryFilter(), limit=7).next)
