"""The results of a run are read in pages, between which the catalog is free."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import runs
from pywats_archive.catalog import entries
from pywats_archive.models.operation.replay import ItemState, ReplayRequest

from . import made

ENTRIES = [made.entry(number) for number in range(1201)]
IDS = [each.archive_id for each in ENTRIES]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive with more entries than a page has."""
    with Archive.open(tmp_path / "archive", create=True, own=True) as opened:
        opened.write(lambda tx: [entries.add(tx, each) for each in ENTRIES])
        yield opened


def test_every_result_comes_once_in_its_order(archive: Archive) -> None:
    """However many pages they are, and besides other runs."""
    for some in (IDS[:3], IDS, IDS[:500], []):
        run_id = runs.begin(archive, ReplayRequest(), some, actor="test")
        found = list(runs.items(archive, run_id))
        assert [item.archive_id for item in found] == some
        assert {item.state for item in found} <= {ItemState.PLANNED}


def test_a_slow_reader_keeps_nobody_waiting(archive: Archive) -> None:
    """While results are sent to a client that takes its time, the owner's log is written back whole."""
    run_id = runs.begin(archive, ReplayRequest(), IDS, actor="test")
    reading = runs.items(archive, run_id)
    assert next(reading).archive_id == IDS[0]
    runs.begin(archive, ReplayRequest(), IDS[:1], actor="test")
    with closing(sqlite3.connect(archive.root / "metadata.db")) as other:
        (is_busy, *_) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert not is_busy
    assert len(list(reading)) == len(IDS) - 1
