"""An entry is read from the vault only with blobs that can be its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.aged import Aged

from pywats_archive.errors import BlobMissing
from pywats_archive.replication.borrowing import borrowed
from pywats_archive.replication.fetching import whole_segment
from pywats_archive.replication.segment.building import build
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.folder import FolderVault


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


@pytest.mark.parametrize("path", ["{outside}", "../../../../../../../../{outside}", "converters/{digits}.py.gz"])
def test_a_path_that_is_not_a_blob_of_the_entry_is_not_fetched(
    aged: Aged, vault: FolderVault, tmp_path: Path, path: str
) -> None:
    """A row that was altered names any path, and a segment that was replaced has it."""
    entry = aged.add(days_ago=30)
    outside = tmp_path / "outside" / "autostart"
    path = path.format(outside=outside, digits="0" * 64)
    with closing(sqlite3.connect(aged.archive.catalog.path)) as db:
        db.execute("UPDATE archive_entries SET archived_path = ?", (path,))
        db.execute("UPDATE reports SET archived_path = ?", (path,))
        db.commit()
    (shipped,) = Shipping(aged.archive, vault, limit_bytes=400_000).ship_all()
    segment = whole_segment(vault, shipped.key)
    Path(vault.url, shipped.key).unlink()
    vault.put_new(shipped.key, build([(path, b"payload")], segment.read("rows.jsonl.gz"), segment.description))
    with pytest.raises(BlobMissing), borrowed(aged.archive, entry.archive_id, vault=vault):
        pass
    assert not outside.exists()


def test_every_blob_of_an_entry_is_read_from_the_vault(aged: Aged, vault: FolderVault) -> None:
    """Its source, its companion and its report."""
    entry = aged.add(days_ago=30, companion=True)
    list(Shipping(aged.archive, vault, limit_bytes=400_000).ship_all())
    with borrowed(aged.archive, entry.archive_id, vault=vault) as found:
        assert len(list(found.blobs.paths(""))) == 3
