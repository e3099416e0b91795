"""The newest event in the vault is an anchor of the history, which nobody at the station can change."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.replication.test_shipping import hold, shipped

from pywats_archive.archive.core import Archive
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
    shutil.copytree(
        archive.root, folder, ignore=shutil.ignore_patterns("*-wal", "*-shm", ".lock", ".owner", "metadata.db")
    )
    with closing(sqlite3.connect(archive.catalog.path)) as db, closing(sqlite3.connect(folder / "metadata.db")) as to:
        db.backup(to)
    return Archive.open(folder)


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


def test_a_vault_that_is_away_or_empty_is_noted(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """In one line, and it is no problem."""
    (empty,) = compare(archive, vault)
    assert empty.problem is None and "has no segment of its history" in str(empty.note)
    Path(vault.url).rename(tmp_path / "away")
    (away,) = compare(archive, vault)
    assert away.problem is None and "was not compared with the vault" in str(away.note)
