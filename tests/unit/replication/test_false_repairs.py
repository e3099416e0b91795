"""Repairs that a holder of the station's key put into the vault, and damage that a repair cannot heal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.aged import Aged
from tests.unit.replication.test_repairing import cut, overwrite, spoil, verified
from tests.unit.replication.test_shipping import shipped
from tests.vaulted import blobs

from pywats_archive.archive.core import Archive
from pywats_archive.archive.purging import Batch, purge
from pywats_archive.archive.replica import damage, progress
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.retention.purge import PurgeReason
from pywats_archive.replication import names
from pywats_archive.replication.borrowing import borrowed
from pywats_archive.replication.fetching import whole_segment
from pywats_archive.replication.repair.putting import Repairing
from pywats_archive.replication.restoring import restore
from pywats_archive.replication.segment.building import build
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.folder import FolderVault


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def purged(aged: Aged, entry: ArchiveEntry) -> int:
    batch = Batch(converter_name="c", reason=PurgeReason.MANUAL, archive_ids=[entry.archive_id])
    return purge(aged.archive, batch).entries


def forge(vault: FolderVault, key: str, number: int, *, content: bytes | None, last: int | None = None) -> str:
    """Put a repair with the events of a segment, and with another content of its files, or without them."""
    segment = whole_segment(vault, key)
    files = () if content is None else segment.files
    known = replace(segment.description, repairs=key, repairs_sha256="0" * 64)
    known = known if last is None else replace(known, last=last, hash="0" * 64)
    forged = names.repair_key(key, number)
    vault.put_new(forged, build([(path, content or b"") for path in files], segment.read("rows.jsonl.gz"), known))
    return forged


@pytest.mark.parametrize("content", [None, b"forged"])
def test_a_repair_without_the_files_lets_nothing_be_purged(
    aged: Aged, vault: FolderVault, content: bytes | None
) -> None:
    """It is no repair as long as the archive has the files (invariant 13); another one is put, but once."""
    entry = aged.add(days_ago=30)
    progress.require(aged.archive, vault.url)
    shipping = Shipping(aged.archive, vault, limit_bytes=400_000)
    (done,) = shipping.ship_all()
    forge(vault, done.key, 1, content=content)
    cut(Path(vault.url, done.key))
    problems, repaired = verified(aged.archive, vault)
    assert any(done.key in each for each in problems) and repaired == []
    shipping.confirm()
    assert purged(aged, entry) == 0
    for _ in range(2):
        assert verified(aged.archive, vault, repairs=True)[0] == []
        assert len(list(Path(vault.url).rglob("repair/*.zip"))) == 2
    shipping.confirm()
    assert purged(aged, entry) == 1


@pytest.mark.parametrize("harm", [cut, Path.unlink])
def test_files_that_a_repair_cannot_have_are_problems(
    aged: Aged, vault: FolderVault, harm: Callable[[Path], None]
) -> None:
    """Those of an entry that was purged since it was copied: only the damaged segment had them."""
    early, entry, other = (aged.add(days_ago=30) for _ in range(3))
    assert purged(aged, early) == 1
    aged.now += timedelta(hours=1)
    (done,) = Shipping(aged.archive, vault, limit_bytes=400_000).ship_all()
    aged.now += timedelta(hours=1)
    assert purged(aged, entry) == 1
    harm(Path(vault.url, done.key))
    for _ in range(2):
        problems, repaired = verified(aged.archive, vault, repairs=True)
        assert len(repaired) == 1
        assert str(entry.source_archived_path) in "".join(problems)
        assert not any(str(each.source_archived_path) in "".join(problems) for each in (early, other))


def test_damage_found_while_the_vault_is_asked_is_not_confirmed(archive: Archive, vault: FolderVault) -> None:
    """A check beside the service's round: what is confirmed then would count for half a day (invariant 13)."""
    done = shipped(archive, vault)
    progress.require(archive, vault.url)
    spoil(Path(vault.url, done[0].key))

    def find(step: str) -> None:
        if step == "confirm":
            verified(archive, vault)

    asking = Shipping(archive, vault, on_step=find)
    asking.confirm()
    assert progress.is_confirmation_due(archive)
    asking.confirm()
    assert progress.lag(archive, vault.url).confirmed == 0


def test_an_object_that_is_no_segment_is_not_repaired(archive: Archive, vault: FolderVault) -> None:
    """A false key among the events of a segment: all that was copied still counts."""
    done = shipped(archive, vault)
    false = names.segment_key(archive.description.archive_uuid, progress.chain_of(archive) or "", 2)
    vault.put_new(false, b"x")
    progress.require(archive, vault.url)
    problems, repaired = verified(archive, vault, repairs=True)
    assert any(false in each for each in problems) and repaired == []
    assert list(Repairing(archive, vault).repair_noted()) == []
    assert Shipping(archive, vault).confirm() == done[-1].segment.last


@pytest.mark.parametrize("is_longer", [True, False])
def test_a_repair_that_does_not_fit_hides_no_segment(
    archive: Archive, vault: FolderVault, tmp_path: Path, is_longer: bool
) -> None:
    """One with further events, or with those of another history: the segments after it are restored, with the true repair."""
    done = shipped(archive, vault)
    segment = done[1]
    last = done[-1].segment.last + 9 if is_longer else segment.segment.last
    forge(vault, segment.key, 7, content=b"forged", last=last)
    cut(Path(vault.url, segment.key))
    again = restore(vault, tmp_path / "without", actor="me")
    assert again.segments == len(done) - 1
    assert verified(archive, vault, repairs=True)[0] == []
    again = restore(vault, tmp_path / "again", actor="me")
    assert again.problems == () and blobs(tmp_path / "again") == blobs(archive.root)


def test_a_vault_that_was_replaced_gets_all_again(archive: Archive, vault: FolderVault) -> None:
    """Under the same address, by an empty one: what was damaged in the earlier one is no damage there."""
    done = shipped(archive, vault)
    spoil(Path(vault.url, done[-1].key))
    verified(archive, vault, repairs=True)
    assert damage.known(archive, vault.url)
    for path in Path(vault.url, archive.description.archive_uuid).rglob("*.zip"):
        path.unlink()
    again = shipped(archive, vault)
    assert [each.key for each in again][: len(done)] == [each.key for each in done]
    assert damage.known(archive, vault.url) == {}
    assert verified(archive, vault) == ([], [])


def restored_from_vault(aged: Aged, vault: FolderVault, entry: ArchiveEntry) -> bytes:
    folder = aged.base / "from-vault"
    folder.mkdir()
    with borrowed(aged.archive, entry.archive_id, entry.source_archived_path, vault=vault) as found:
        return restore_source(found, entry.archive_id, folder).read_bytes()


def test_a_file_is_read_from_the_segment_if_its_repair_is_damaged(aged: Aged, vault: FolderVault) -> None:
    """Or was covered since it was noted: the segment still has this file, since another one there is damaged."""
    entry, other = aged.add(days_ago=30), aged.add(days_ago=30)
    expected = restore_source(aged.archive, entry.archive_id, aged.base).read_bytes()
    (done,) = Shipping(aged.archive, vault, limit_bytes=400_000).ship_all()
    path = Path(vault.url, done.key)
    harmed = aged.archive.blobs.stored_bytes(str(other.source_archived_path))
    overwrite(path, path.read_bytes().replace(harmed, harmed[:-9] + bytes(9)))
    repair = Repairing(aged.archive, vault).repair_segment(done.key).stored.key
    segment = whole_segment(vault, repair)
    members = [(name, b"forged") for name in segment.files]
    overwrite(Path(vault.url, repair), build(members, segment.read("rows.jsonl.gz"), segment.description))
    assert purged(aged, entry) == 1
    assert restored_from_vault(aged, vault, entry) == expected


@pytest.mark.parametrize("is_missing", [True, False])
def test_a_large_file_is_read_from_a_repair_that_is_not_noted(aged: Aged, vault: FolderVault, is_missing: bool) -> None:
    """As with an older copy of the catalog."""
    entry = aged.add(days_ago=30, size=9000)
    expected = restore_source(aged.archive, entry.archive_id, aged.base).read_bytes()
    list(Shipping(aged.archive, vault, limit_bytes=5000).ship_all())
    (large,) = Path(vault.url).rglob("blobs/*.gz")
    overwrite(large, large.read_bytes()[:-9] + bytes(9))
    assert verified(aged.archive, vault, repairs=True)[0] == []
    for key in damage.known(aged.archive, vault.url):
        damage.clear(aged.archive, vault.url, key)
    if is_missing:
        large.unlink()
    assert purged(aged, entry) == 1
    assert restored_from_vault(aged, vault, entry) == expected


def test_a_false_repair_that_fits_replaces_no_file(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """With the checksum of the segment, and newer than the true repair: each file is restored from what has it."""
    done = shipped(archive, vault)[1]
    segment = whole_segment(vault, done.key)
    cut(Path(vault.url, done.key))
    assert verified(archive, vault, repairs=True)[0] == []
    known = replace(segment.description, repairs=done.key, repairs_sha256=done.segment.sha256)
    members = [(name, b"forged") for name in segment.files]
    vault.put_new(names.repair_key(done.key, 5), build(members, segment.read("rows.jsonl.gz"), known))
    again = restore(vault, tmp_path / "again", actor="me")
    assert again.problems == () and blobs(tmp_path / "again") == blobs(archive.root)


def test_a_false_segment_among_the_events_of_another_is_not_noted(archive: Archive, vault: FolderVault) -> None:
    """With a catalog that forgot: it neither stops the copies nor says that the vault lacks files."""
    done = shipped(archive, vault)
    segment = whole_segment(vault, done[1].key)
    first, chain = segment.description.first + 1, segment.description.chain
    known = replace(segment.description, first=first, hash="0" * 64)
    key = names.segment_key(archive.description.archive_uuid, chain, first)
    vault.put_new(key, build([], segment.read("rows.jsonl.gz"), known))
    progress.forget(archive, vault.url, chain)
    assert [each.key for each in shipped(archive, vault)][: len(done)] == [each.key for each in done]
