"""The branches of both operating systems, by injecting the platform."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pywats_archive import portable
from pywats_archive.archive.naming import free_names


@pytest.mark.parametrize("windows", [False, True])
def test_a_file_is_given_its_name(tmp_path: Path, windows: bool) -> None:
    """The bytes lie under the new name alone."""
    (tmp_path / "a").write_bytes(b"x")
    portable.rename_exclusive(tmp_path / "a", tmp_path / "b", windows=windows)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_taken_name_is_never_replaced(tmp_path: Path) -> None:
    """A name that is taken stays what it was (invariant 3)."""
    (tmp_path / "a").write_bytes(b"new")
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        portable.rename_exclusive(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"old" and (tmp_path / "a").read_bytes() == b"new"


def test_without_hard_links_a_name_is_reserved_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no hard links (some shares), a taken name is refused all the same (invariant 3)."""

    def no_links(*arguments: object, **more: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(portable.os, "link", no_links)
    (tmp_path / "a").write_bytes(b"new")
    portable.rename_exclusive(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"new"
    (tmp_path / "a").write_bytes(b"newer")
    with pytest.raises(FileExistsError):
        portable.rename_exclusive(tmp_path / "a", tmp_path / "b")


def test_a_move_cut_short_is_completed(tmp_path: Path) -> None:
    """A crash can leave a file under its old name and its new one; the next try ends the old one (invariant 5)."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "Done").mkdir()
    (tmp_path / "watch" / "a").write_bytes(b"x")
    (tmp_path / "Done" / "a").hardlink_to(tmp_path / "watch" / "a")
    portable.move_file_exclusive(tmp_path / "watch" / "a", tmp_path / "Done" / "a")
    assert not (tmp_path / "watch" / "a").exists() and (tmp_path / "Done" / "a").read_bytes() == b"x"


def test_a_file_is_never_removed_for_its_own_name(tmp_path: Path) -> None:
    """A folder reached by another path is the same folder: its file's only name stays (invariant 3)."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "a").write_bytes(b"x")
    (tmp_path / "backup").hardlink_to(tmp_path / "watch" / "a")
    (tmp_path / "alias").symlink_to(tmp_path / "watch")
    for target in (tmp_path / "watch" / "a", tmp_path / "alias" / "a"):
        with pytest.raises(FileExistsError):
            portable.rename_exclusive(tmp_path / "watch" / "a", target)
    assert (tmp_path / "watch" / "a").read_bytes() == b"x"


@pytest.mark.parametrize("windows", [False, True])
def test_a_folder_is_moved_to_a_free_name_only(tmp_path: Path, windows: bool) -> None:
    """A folder never takes another's place, not even an empty one's (invariant 3)."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"x")
    (tmp_path / "taken").mkdir()
    with pytest.raises(FileExistsError):
        portable.move_folder_exclusive(tmp_path / "a", tmp_path / "taken", windows=windows)
    portable.move_folder_exclusive(tmp_path / "a", tmp_path / "free", windows=windows)
    assert (tmp_path / "free" / "x").read_bytes() == b"x" and not (tmp_path / "a").exists()


def test_another_file_system_is_reached_by_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between file systems a file is copied durably and removed last (invariant 2)."""
    real = portable.rename_exclusive

    def across(source: Path, target: Path, **more: object) -> None:
        if source.suffix != ".part":
            raise OSError(errno.EXDEV, "another device")
        real(source, target)

    monkeypatch.setattr(portable, "rename_exclusive", across)
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "other").mkdir()
    portable.move_file_exclusive(tmp_path / "a", tmp_path / "other" / "a")
    assert (tmp_path / "other" / "a").read_bytes() == b"x" and not (tmp_path / "a").exists()
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["a"]


def test_folders_that_cannot_be_synced_are_told(tmp_path: Path) -> None:
    """Windows has no fsync of folders; elsewhere it is done."""
    assert portable.sync_folder(tmp_path, windows=True) is False
    assert portable.sync_folder(tmp_path, windows=False) is True


@pytest.mark.parametrize("name", ["a.csv", "noextension", "L" * 255, "é" * 127, ".hidden", "x." + "e" * 253])
def test_free_names_are_short_enough_and_differ(name: str) -> None:
    """Each proposal is another name of at most 255 bytes."""
    names = free_names(name)
    proposals = [next(names) for _ in range(12)]
    assert len(set(proposals)) == 12 and proposals[0] == name
    assert all(len(each.encode()) <= 255 for each in proposals)
