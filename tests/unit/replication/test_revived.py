"""A station comes back that was replaced: by the archive restored from its vault, or by an older backup of itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.replication.test_shipping import hold
from tests.vaulted import copied

from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.errors import AnotherHistory
from pywats_archive.models.query import EntryFilter
from pywats_archive.replication.restoring import restore
from pywats_archive.replication.shipping import Shipping
from pywats_archive.replication.verifying import Verifying
from pywats_archive.vault.folder import FolderVault


def shipped(archive: Archive, vault: FolderVault, station: str) -> int:
    """Ship all that waits; returns how many segments were stored."""
    return sum(each.is_new for each in Shipping(archive, vault, limit_bytes=6000, station=station).ship_all())


def objects(vault: FolderVault) -> dict[str, bytes]:
    """Return all objects."""
    return {stored.key: vault.get(stored.key) for stored in vault.keys("")}


def test_a_revived_station_ships_nothing_over_the_restored_one(
    archive: Archive, vault: FolderVault, tmp_path: Path
) -> None:
    """Its next try fails with the name of the computer that goes on, and the vault stays as it is."""
    shipped(archive, vault, "old")
    restore(vault, tmp_path / "new", actor="a")
    with Archive.open(tmp_path / "new", own=True) as new:
        hold(new, "goes on")
        assert shipped(new, vault, "new") == 1
        before = objects(vault)
        hold(archive, "revived")
        with pytest.raises(AnotherHistory, match=r"made by 'new', and this is 'old'"):
            shipped(archive, vault, "old")
        assert objects(vault) == before
        problems = [problem for each in Verifying(archive, vault).segments() for problem in each.problems]
        assert any("with another hash" in problem or "were cut off" in problem for problem in problems)
        assert [problem for each in Verifying(new, vault).segments() for problem in each.problems] == []
        hold(new, "and on")
        assert shipped(new, vault, "new") == 1


@pytest.mark.parametrize("goes_on", [False, True])
def test_an_old_backup_ships_nothing(archive: Archive, vault: FolderVault, tmp_path: Path, *, goes_on: bool) -> None:
    """Whether or not something happened since it was put back: the vault has later events of this history."""
    hold(archive, "before the backup")
    with Archive.open(copied(archive, tmp_path / "backup"), own=True) as backup:
        hold(archive, "after it")
        shipped(archive, vault, "here")
        before = objects(vault)
        if goes_on:
            hold(backup, "for itself")
        with pytest.raises(AnotherHistory, match=r"made by 'here' too, so .* is an older state that was put back"):
            shipped(backup, vault, "here")
    assert objects(vault) == before


def test_a_rebuilt_archive_begins_another_history_and_comes_back(
    tmp_path: Path, archive: Archive, vault: FolderVault
) -> None:
    """The old history stays in the vault; the new one is restored."""
    shipped(archive, vault, "here")
    before = objects(vault)
    folder = copied(archive, tmp_path / "copied")
    rebuild(folder)
    with Archive.open(folder, own=True) as rebuilt:
        assert shipped(rebuilt, vault, "here") > 1
        ids = [each.archive_id for each in rebuilt.find(EntryFilter()).items]
    after = objects(vault)
    assert {key: after[key] for key in before} == before
    done = restore(vault, tmp_path / "again", actor="a")
    assert done.problems == () and len(done.remarks) == 1
    with Archive.open(tmp_path / "again") as again:
        assert [each.archive_id for each in again.find(EntryFilter()).items] == ids
