"""Renames and removals: again after a refusal of Windows, and of read-only files."""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.refusing import ACCESS_DENIED, SHARING_VIOLATION, hold, refuse_read_only, refused

import pywats_archive
from pywats_archive.portable import files, moving, names

_PACKAGE = Path(pywats_archive.__file__).parent


def _write(path: Path, content: bytes = b"x", *, read_only: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if read_only:
        path.chmod(0o400)
    return path


def _is_read_only(path: Path) -> bool:
    return not path.stat().st_mode & stat.S_IWRITE


@pytest.mark.parametrize("number", [ACCESS_DENIED, SHARING_VIOLATION])
@pytest.mark.parametrize(
    ("function", "act"),
    [
        ("rename", lambda old, new: names.rename(old, new, windows=True)),
        ("replace", lambda old, new: names.replace(old, new, windows=True)),
        ("rename", lambda old, new: files.rename_exclusive(old, new, windows=True)),
        ("rename", lambda old, new: moving.move_file_exclusive(old, new, windows=True)),
    ],
)
def test_a_file_that_is_held_for_a_moment_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, act: Callable[[Path, Path], None], number: int
) -> None:
    """An antivirus program that has a new file open for a moment stops no rename."""
    old, new = _write(tmp_path / "old"), tmp_path / "new"
    calls = hold(monkeypatch, function, 2, number)
    act(old, new)
    assert len(calls) == 2 and new.read_bytes() == b"x" and not old.exists()


def test_a_file_that_is_held_for_a_moment_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for removals, of files and of folders."""
    path, folder = _write(tmp_path / "a"), tmp_path / "folder"
    folder.mkdir()
    files_held, folders_held = hold(monkeypatch, "unlink", 2), hold(monkeypatch, "rmdir", 2)
    names.unlink(path, windows=True)
    names.rmdir(folder, windows=True)
    assert len(files_held) == len(folders_held) == 2 and list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "nt", reason="Windows' own refusals")
@pytest.mark.parametrize("function", [os.rename, os.replace])
def test_a_file_that_a_reader_closes_is_renamed(tmp_path: Path, function: Callable[[Path, Path], None]) -> None:
    """A file that a program reads is renamed as soon as that program closes it."""
    old, new = _write(tmp_path / "old"), tmp_path / "new"
    with old.open("rb") as reader:
        names.patiently(lambda: function(old, new), pause=lambda seconds: reader.close())
        assert reader.closed and new.exists()


def test_windows_is_asked_for_a_second() -> None:
    """A refusal that lasts is the caller's error after a second of the clock, and not before."""
    now_s, pauses = [100.0], list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        now_s[0] += seconds

    def act() -> None:
        raise refused("held")

    with pytest.raises(PermissionError):
        names.patiently(act, windows=True, now_s=lambda: now_s[0], pause=pause)
    assert sum(pauses) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(("windows", "number"), [(False, SHARING_VIOLATION), (True, 3)])
def test_other_errors_are_not_repeated(windows: bool, number: int) -> None:
    """Linux means what it says, and so does Windows with any other number."""

    def act() -> None:
        raise refused("path", number)

    def no_pause(seconds: float) -> None:
        raise AssertionError("was repeated")

    with pytest.raises(PermissionError):
        names.patiently(act, windows=windows, pause=no_pause)


def test_read_only_files_are_removed_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only file goes like any other one, alone and in a folder."""
    refuse_read_only(monkeypatch)
    names.unlink(_write(tmp_path / "a", read_only=True), windows=True)
    names.replace(_write(tmp_path / "new", b"new"), _write(tmp_path / "b", read_only=True), windows=True)
    assert (tmp_path / "b").read_bytes() == b"new"
    _write(tmp_path / "folder" / "inner" / "c", read_only=True)
    (tmp_path / "folder" / "inner").chmod(0o500)
    names.remove_tree(tmp_path / "folder", windows=True)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_read_only_file_that_stays_is_still_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed removal leaves the file as it was."""
    path = _write(tmp_path / "a", read_only=True)
    if os.name == "nt":
        with path.open("rb"), pytest.raises(PermissionError):
            names.unlink(path, within_s=0)
    else:
        hold(monkeypatch, "unlink", 1)
        with pytest.raises(PermissionError):
            names.unlink(path, within_s=0, windows=True)
    assert _is_read_only(path)


def test_read_only_files_are_made_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows flushes only what is open for writing; the file is read-only again afterwards."""
    refuse_read_only(monkeypatch)
    path = _write(tmp_path / "a", read_only=True)
    files.sync_file(path, windows=True)
    assert _is_read_only(path)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_read_only_sources_cross_drives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A read-only source is copied to another drive durably, then removed, with nothing left of the way (invariant 2)."""
    refuse_read_only(monkeypatch)
    real = names.rename

    def across(old: Path, new: Path, **more: bool) -> None:
        if not os.fspath(old).endswith(".part"):
            raise OSError(18, "another drive")
        real(old, new, **more)

    monkeypatch.setattr(names, "rename", across)
    source, target = tmp_path / "source", tmp_path / "other" / "source"
    target.parent.mkdir()
    if kind == "file":
        moving.move_file_exclusive(_write(source, read_only=True), target, windows=True)
    else:
        _write(source / "inner" / "a", read_only=True)
        moving.move_folder_exclusive(source, target, windows=True)
    assert not source.exists() and [path.name for path in target.parent.iterdir()] == ["source"]
    assert _is_read_only(target if kind == "file" else target / "inner" / "a")


@pytest.mark.parametrize("way", ["removed", "across"])
def test_a_source_that_its_writer_holds_is_compared_before_each_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Windows refuses to remove what a program has open: what that program writes meanwhile is not lost (invariant 2)."""
    source, target, real = _write(tmp_path / "a"), tmp_path / "other" / "a", os.unlink
    target.parent.mkdir()

    def held(path: Any, *more: Any, **others: Any) -> None:
        if os.fspath(path) == str(source) and source.stat().st_size < 10:
            with source.open("ab") as stream:
                stream.write(b"more of it, written while it was held")
            raise refused(path)
        real(path, *more, **others)

    def across(old: Path, new: Path, **more: bool) -> None:
        if old == source:
            raise OSError(18, "another drive")
        os.rename(old, new)  # noqa: PTH104

    monkeypatch.setattr(os, "unlink", held)
    monkeypatch.setattr(names, "rename", across)
    before = source.read_bytes()
    with pytest.raises(OSError, match="it changed"):
        if way == "removed":
            moving.remove_marked(source, moving.marks(source), windows=True)
        else:
            moving.move_file_exclusive(source, target, windows=True)
    assert source.read_bytes() == before + b"more of it, written while it was held"
    assert list(target.parent.iterdir()) == []


def test_a_half_written_read_only_copy_is_discarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a crash left of a copy is read-only like its source, and goes."""
    refuse_read_only(monkeypatch)
    moving.discard(_write(tmp_path / ".1.part", read_only=True), windows=True)
    _write(tmp_path / ".2.part" / "a", read_only=True)
    moving.discard(tmp_path / ".2.part", windows=True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_just_replaced_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process replaces a file, Windows may refuse to open it."""
    path = _write(tmp_path / "state.json", b"{}")
    real, calls = Path.open, list[Path]()

    def opened(self: Path, mode: str) -> object:
        calls.append(self)
        if len(calls) == 1:
            raise PermissionError(13, "refused", str(self))
        return real(self, mode)

    monkeypatch.setattr(Path, "open", opened)
    assert files.read_small(path, windows=True) == b"{}" and len(calls) == 2


def test_names_change_in_one_place() -> None:
    """No other module renames, replaces or removes anything by itself."""
    asking = {"unlink", "rename", "rmdir", "rmtree", "removedirs", "remove", "move", "replace"}
    found = {
        f"{path.relative_to(_PACKAGE).as_posix()}:{node.lineno}"
        for path in _PACKAGE.rglob("*.py")
        if path.name != "names.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in asking
        if _is_of_a_path(node, node.func)
    }
    assert found == set()


def _is_of_a_path(call: ast.Call, function: ast.Attribute) -> bool:
    owner = function.value.id if isinstance(function.value, ast.Name) else ""
    if function.attr in {"remove", "move", "replace", "unlink", "rename", "rmdir"} and owner in {"os", "shutil"}:
        return True
    if owner in {"names", "portable", "catalog_swap"} or function.attr in {"remove", "move"}:
        return False
    if function.attr == "replace":  # of a path: one argument; of a text two, of a value named ones
        is_one = len(call.args) == 1 and not call.keywords
        return is_one and not (isinstance(function.value, ast.Attribute) and function.value.attr == "lanes")
    return True
