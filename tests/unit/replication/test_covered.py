"""A segment that was found in the vault is compared with what is here: a holder of the station's key may have covered it."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.aged import Aged
from tests.unit.replication.test_gate import purged

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.archive.sources.ingest import add_companions
from pywats_archive.errors import SegmentDamaged
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.replication.fetching import whole_segment
from pywats_archive.replication.restoring import restore
from pywats_archive.replication.segment.building import build
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.folder import FolderVault

Parts = tuple[dict[str, bytes], bytes, SegmentDescription]


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


@pytest.fixture
def entries(aged: Aged, vault: FolderVault) -> list[ArchiveEntry]:
    """Two entries that are due, in segments of their own."""
    added = [aged.add(days_ago=30, companion=True), aged.add(days_ago=20)]
    progress.require(aged.archive, vault.url)
    ship(aged, vault)
    return added


def ship(aged: Aged, vault: FolderVault, limit_bytes: int = 5000) -> int:
    """Ship what waits, and confirm it."""
    shipping = Shipping(aged.archive, vault, limit_bytes=limit_bytes)
    list(shipping.ship_all())
    return shipping.confirm()


def cover(aged: Aged, vault: FolderVault, path: str, forge: Callable[[Parts], Parts]) -> None:
    """Put another object in the place of the segment with a file, and let the catalog forget all segments."""
    (key,) = (
        each.key
        for each in vault.keys(aged.archive.description.archive_uuid)
        if each.key.endswith(".zip") and path in whole_segment(vault, each.key).files
    )
    segment = whole_segment(vault, key)
    files = {each: segment.read(each) for each in segment.files}
    files, rows, description = forge((files, b"".join(segment.rows()), segment.description))
    Path(vault.url, key).unlink()
    vault.put_new(key, build(files.items(), gzip.compress(rows, mtime=0), description))
    forget(aged.archive)


def forget(archive: Archive, where: str = "1") -> None:
    with closing(sqlite3.connect(archive.catalog.path)) as db:
        for table in ("vault_absent", "vault_large"):
            db.execute(f"DELETE FROM {table}")
        db.execute(f"DELETE FROM vault_segments WHERE {where}")
        db.commit()


def without_files(parts: Parts) -> Parts:
    return {}, parts[1], parts[2]


def with_other_bytes(parts: Parts) -> Parts:
    return {path: content[:-9] + bytes(9) for path, content in parts[0].items()}, parts[1], parts[2]


def purged_before(parts: Parts) -> Parts:
    return {}, parts[1], replace(parts[2], absent=dict.fromkeys(parts[0], "purged"))


def large_elsewhere(parts: Parts) -> Parts:
    return {}, parts[1], replace(parts[2], large=dict.fromkeys(parts[0], "0" * 64))


@pytest.mark.parametrize("forge", [without_files, with_other_bytes, purged_before, large_elsewhere])
def test_an_entry_that_a_covered_segment_lacks_stays(
    aged: Aged, vault: FolderVault, entries: list[ArchiveEntry], forge: Callable[[Parts], Parts]
) -> None:
    """Whatever its description says; other entries go (invariant 13)."""
    lost, other = entries
    cover(aged, vault, str(lost.source_archived_path), forge)
    ship(aged, vault)
    assert str(lost.source_archived_path) in progress.lag(aged.archive, vault.url).lacking
    assert (purged(aged, lost), purged(aged, other)) == (0, 1)


@pytest.mark.parametrize("part", ["source", "companion", "report"])
def test_each_file_of_an_entry_is_compared(
    aged: Aged, vault: FolderVault, entries: list[ArchiveEntry], part: str
) -> None:
    """Source, companions and reports (invariant 13)."""
    lost, details = entries[0], aged.archive.details(entries[0].archive_id)
    paths = {
        "source": lost.source_archived_path,
        "companion": lost.companions[0].archived_path,
        "report": details.reports[0].archived_path,
    }
    path = str(paths[part])
    cover(aged, vault, path, lambda parts: ({k: v for k, v in parts[0].items() if k != path}, *parts[1:]))
    ship(aged, vault)
    assert progress.lag(aged.archive, vault.url).lacking == (path,)
    assert purged(aged, lost) == 0


def test_a_covered_segment_without_its_events_confirms_nothing(
    aged: Aged, vault: FolderVault, entries: list[ArchiveEntry]
) -> None:
    """The rows of its entries would be lost: it counts as damaged (invariant 13)."""
    cover(aged, vault, str(entries[0].source_archived_path), lambda parts: (parts[0], b"", parts[2]))
    assert ship(aged, vault) == 0
    assert [purged(aged, each) for each in entries] == [0, 0]


def test_a_large_file_counts_with_its_own_checksum_only(aged: Aged, vault: FolderVault) -> None:
    """An object of the same size under another name is not the file; what the vault really has goes (invariant 13)."""
    lost, other = aged.add(days_ago=30, size=9000), aged.add(days_ago=20, size=9000)
    progress.require(aged.archive, vault.url)
    ship(aged, vault)
    (report, *_) = aged.archive.details(lost.archive_id).reports

    def swap(parts: Parts) -> Parts:
        sizes = dict(parts[2].large.items())
        path = str(lost.source_archived_path)
        key = f"{aged.archive.description.archive_uuid}/blobs/{'1' * 64}.gz"
        vault.put_new(key, b"x" * aged.archive.blobs.stored_size(path))
        return parts[0], parts[1], replace(parts[2], large={**sizes, path: "1" * 64})

    cover(aged, vault, str(report.archived_path), swap)
    ship(aged, vault)
    assert (purged(aged, lost), purged(aged, other)) == (0, 1)


def test_companions_that_were_found_later_are_in_the_vault(
    aged: Aged, vault: FolderVault, entries: list[ArchiveEntry], tmp_path: Path
) -> None:
    """They are in a later segment than their entry, and that counts."""
    later = tmp_path / "later.txt"
    later.write_text("beside")
    add_companions(aged.archive, aged.archive.entry(entries[0].archive_id), [later], found_by="opened")
    ship(aged, vault)
    forget(aged.archive)
    ship(aged, vault)
    assert progress.lag(aged.archive, vault.url).lacking == ()
    assert [purged(aged, each) for each in entries] == [1, 1]


def test_a_file_that_is_not_here_needs_no_comparison(
    aged: Aged, vault: FolderVault, entries: list[ArchiveEntry]
) -> None:
    """The vault has it, and nothing here could be purged."""
    aged.archive.blobs.root.joinpath(str(entries[0].source_archived_path)).unlink()
    forget(aged.archive)
    ship(aged, vault)
    assert progress.lag(aged.archive, vault.url).lacking == ()


def test_a_segment_that_took_the_key_is_compared_too(
    aged: Aged, vault: FolderVault, entries: list[ArchiveEntry]
) -> None:
    """After an answer that was lost, and if somebody stored one with the station's key before (invariant 13)."""
    shipping = Shipping(aged.archive, vault, limit_bytes=5000)
    list(shipping.ship_all())
    cover(aged, vault, str(entries[1].source_archived_path), without_files)
    forget(aged.archive)
    list(shipping.ship_all())
    shipping.confirm()
    assert purged(aged, entries[1]) == 0


def test_a_restored_archive_notes_what_a_covered_segment_lacked(
    aged: Aged, vault: FolderVault, entries: list[ArchiveEntry], tmp_path: Path
) -> None:
    """Its own status names the file (invariant 13)."""
    path = str(entries[0].source_archived_path)
    cover(aged, vault, path, lambda parts: ({k: v for k, v in parts[0].items() if k != path}, *parts[1:]))
    restore(vault, tmp_path / "back", actor="os:anna")
    with Archive.open(tmp_path / "back", own=True) as back:
        assert progress.lag(back, vault.url).lacking == (path,)


def test_verify_names_events_that_end_otherwise(aged: Aged, vault: FolderVault, entries: list[ArchiveEntry]) -> None:
    """Rows may be whole in themselves, and still be of another history."""
    keys = [each.key for each in vault.keys(aged.archive.description.archive_uuid) if each.key.endswith(".zip")]
    segment = whole_segment(vault, keys[0])
    known = segment.description
    assert progress.first_break(aged.archive, segment.rows(), known.first, known.last, known.hash) is None
    assert progress.first_break(aged.archive, segment.rows(), known.first, known.last, "0" * 64) == known.last
    with pytest.raises(SegmentDamaged):
        whole_segment(vault, keys[0]).read("none")
