"""The newest event in the vault is an anchor of the history, which nobody at the station can change."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.replication.test_shipping import hold, shipped
from tests.vaulted import copied

from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.errors import AnotherHistory
from pywats_archive.models.operation.integrity import ProblemKind
from pywats_archive.replication.comparing import compare
from pywats_archive.vault.folder import FolderVault


def kind_of(archive: Archive, vault: FolderVault) -> ProblemKind | None:
    """Return the kind of the problem that the vault shows; None if both agree."""
    (found,) = compare(archive, vault)
    if found.problem is None:
        assert found.note and "agrees with the vault" in found.note
        return None
    return found.problem.kind


def older(archive: Archive, folder: Path) -> Archive:
    """Return a copy of the archive as it is now."""
    return Archive.open(copied(archive, folder))


@pytest.mark.parametrize("is_noted", [True, False])
def test_newest_events_that_were_cut_off_are_a_problem(
    archive: Archive, vault: FolderVault, tmp_path: Path, is_noted: bool
) -> None:
    """Whether the catalog of then knows the vault or not (invariant 8)."""
    if is_noted:
        shipped(archive, vault)
    with older(archive, tmp_path / "older") as before:
        hold(archive, "goes on")
        shipped(archive, vault)
        assert kind_of(archive, vault) is None
        assert kind_of(before, vault) is ProblemKind.HISTORY_CUT


def test_another_event_under_the_same_number_is_a_problem(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """A history that was written again from some event on."""
    with older(archive, tmp_path / "older") as other:
        hold(archive, "goes on")
        shipped(archive, vault)
        hold(other, "goes on in another way")
        hold(other, "and on")
        hold(other, "and on")
        assert kind_of(other, vault) is ProblemKind.HISTORY_ALTERED


def test_a_damaged_segment_hides_nothing_behind_it(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """The newest one that can be read is compared."""
    with older(archive, tmp_path / "older") as before:
        hold(archive, "goes on")
        shipped(archive, vault)
        hold(archive, "goes on")
        (last,) = shipped(archive, vault)
        damaged = Path(vault.url, last.key)
        damaged.chmod(0o600)
        os.truncate(damaged, 40)
        assert kind_of(before, vault) is ProblemKind.HISTORY_CUT
        assert kind_of(archive, vault) is None


def test_a_damaged_segment_hides_no_cut_of_its_own_events(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """Its key still says with which event it begins."""
    shipped(archive, vault)
    with older(archive, tmp_path / "older") as before:
        hold(archive, "goes on")
        (last,) = shipped(archive, vault)
        damaged = Path(vault.url, last.key)
        damaged.chmod(0o600)
        os.truncate(damaged, 40)
        assert kind_of(before, vault) is ProblemKind.HISTORY_CUT


def test_a_cut_history_that_goes_on_is_not_shipped(archive: Archive, vault: FolderVault) -> None:
    """Not even beyond the end of the former one: the vault would agree with it, and an entry in between be in no vault."""
    shipped(archive, vault)
    hold(archive, "goes on")
    (last,) = shipped(archive, vault)
    with closing(sqlite3.connect(archive.catalog.path)) as db:
        for (trigger,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events'"
        ).fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        db.execute("DELETE FROM events WHERE sequence >= ?", (last.segment.first,))
        db.commit()
    for number in range(5):
        hold(archive, f"goes on in another way {number}")
    with pytest.raises(AnotherHistory):
        shipped(archive, vault)
    assert kind_of(archive, vault) is ProblemKind.HISTORY_ALTERED


def test_a_segment_under_a_later_key_hides_no_cut(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """Whoever may add objects can copy a segment that the cut history still has to a key after the newest one."""
    (first, *_) = shipped(archive, vault)
    with older(archive, tmp_path / "older") as before:
        hold(archive, "goes on")
        (last,) = shipped(archive, vault)
        content = Path(vault.url, first.key).read_bytes()
        vault.put_new(last.key.replace(f"{last.segment.first:012}", f"{last.segment.last + 1:012}"), content)
        assert kind_of(before, vault) is ProblemKind.HISTORY_CUT


def test_a_vault_that_is_away_or_empty_is_noted(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """In one line, and it is no problem."""
    (empty,) = compare(archive, vault)
    assert empty.problem is None and "has no segment of its history" in str(empty.note)
    Path(vault.url).rename(tmp_path / "away")
    (away,) = compare(archive, vault)
    assert away.problem is None and "was not compared with the vault" in str(away.note)


def rebuilt(archive: Archive, *, is_catalog_there: bool) -> Archive:
    """Return the archive with a rebuilt catalog; the one before is kept, or was removed by somebody."""
    archive.close()
    if not is_catalog_there:
        for path in archive.root.glob("metadata.db*"):
            path.unlink()
    rebuild(archive.root)
    return Archive.open(archive.root)


@pytest.mark.parametrize("is_shipped_again", [False, True])
def test_a_rebuild_hides_no_lost_events(archive: Archive, vault: FolderVault, is_shipped_again: bool) -> None:
    """The vault still has the history before, whether it has the new one as well or not (invariant 8)."""
    hold(archive, "is lost")
    last = shipped(archive, vault)[-1].segment.last
    with rebuilt(archive, is_catalog_there=False) as after:
        if is_shipped_again:
            shipped(after, vault)
        (_, found) = compare(after, vault)
        assert found.problem and found.problem.kind is ProblemKind.HISTORY_LOST
        assert f"event {last} of" in found.problem.message and "account for the rebuild" in found.problem.message


def test_a_history_that_a_rebuild_kept_is_a_note(archive: Archive, vault: FolderVault) -> None:
    """Its newest event in the vault is in the catalog beside the new one."""
    shipped(archive, vault)
    with rebuilt(archive, is_catalog_there=True) as after:
        (_, found) = compare(after, vault)
        assert found.problem is None and "kept it in metadata.db.damaged-*" in str(found.note)
        (kept,) = [path for path in after.root.glob("metadata.db.damaged-*") if not path.name.endswith(("wal", "shm"))]
        kept.unlink()
        (_, gone) = compare(after, vault)
        assert gone.problem and gone.problem.kind is ProblemKind.HISTORY_LOST


def test_a_catalog_from_before_a_rebuild_is_a_problem(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """It agrees with its own segments, and the vault has a later history, which no rebuild here is on record for."""
    shipped(archive, vault)
    with older(archive, tmp_path / "older") as before, rebuilt(archive, is_catalog_there=True) as after:
        hold(after, "goes on")
        shipped(after, vault)
        (own, other) = compare(before, vault)
        assert own.problem is None and "agrees with the vault" in str(own.note)
        assert other.problem and other.problem.kind in (ProblemKind.HISTORY_CUT, ProblemKind.HISTORY_ALTERED)
