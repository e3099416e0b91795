"""An entry is read from the vault only with blobs that can be its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.aged import Aged
from tests.vaulted import Counted

from pywats_archive.archive.erasing import carrying_out
from pywats_archive.archive.erasing.journal import Erasing
from pywats_archive.errors import BlobMissing
from pywats_archive.replication.borrowing import borrowed
from pywats_archive.replication.fetching import whole_segment
from pywats_archive.replication.segment import reading
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


def test_one_file_of_an_entry_is_fetched_alone(aged: Aged, vault: FolderVault) -> None:
    """A small report does not wait for a large source."""
    entry = aged.add(days_ago=30, companion=True)
    (report,) = aged.archive.reports_of(entry.archive_id)
    list(Shipping(aged.archive, vault, limit_bytes=400_000).ship_all())
    with borrowed(aged.archive, entry.archive_id, report.archived_path, vault=vault) as found:
        assert list(found.blobs.paths("")) == [report.archived_path]


def test_one_small_file_costs_three_requests(aged: Aged, vault: FolderVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the segment, the rest of its directory with its description, and the file; its size is known here."""
    monkeypatch.setattr(reading, "_TAIL_BYTES", 400)
    entry = [aged.add(days_ago=30) for _ in range(10)][4]
    list(Shipping(aged.archive, vault, limit_bytes=400_000).ship_all())
    counted = Counted(vault)
    path = entry.source_archived_path
    with borrowed(aged.archive, entry.archive_id, path, vault=counted) as found:
        assert found.blobs.stored_bytes(path) == (aged.archive.root / path).read_bytes()
    assert counted.requests == 3


def test_the_files_of_an_erasure_that_is_not_finished_are_not_read(aged: Aged, vault: FolderVault) -> None:
    """A file that cannot be removed yet does not bring the others back."""
    entry = aged.add(days_ago=30)
    list(Shipping(aged.archive, vault, limit_bytes=400_000).ship_all())
    blob = aged.archive.root / entry.source_archived_path
    blob.unlink()
    (blob / "held").mkdir(parents=True)
    with carrying_out.alone(aged.archive):
        done = carrying_out.erase(aged.archive, [entry.archive_id], Erasing(reason="request", actor="os:ann"))
    assert done.not_removed and aged.archive.entry(entry.archive_id).source_archived_path
    with (
        pytest.raises(BlobMissing, match="is not read from the vault"),
        borrowed(aged.archive, entry.archive_id, vault=vault),
    ):
        pass


def test_a_report_whose_source_was_not_kept_is_read_from_the_vault(aged: Aged, vault: FolderVault) -> None:
    """Only the source has no file."""
    entry = aged.add(days_ago=30)
    (report,) = aged.archive.reports_of(entry.archive_id)
    (aged.archive.root / entry.source_archived_path).unlink()
    with closing(sqlite3.connect(aged.archive.catalog.path)) as db:
        db.execute("UPDATE archive_entries SET archived_path = ''")
        db.commit()
    list(Shipping(aged.archive, vault, limit_bytes=400_000).ship_all())
    with borrowed(aged.archive, entry.archive_id, vault=vault) as found:
        assert list(found.blobs.paths("")) == [report.archived_path]
