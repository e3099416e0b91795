"""A database that cannot be written where it lies: all that was committed is read, of one moment."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pywats_archive.catalog import readonly
from pywats_archive.errors import CatalogError


def rows(view: readonly.View) -> list[int]:
    raw = sqlite3.connect(view.database, uri=True)
    found = [number for (number,) in raw.execute("SELECT number FROM things ORDER BY number")]
    raw.close()
    return found


def made(path: Path, *, wal: bool, version: str = "9") -> sqlite3.Connection:
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
    raw.execute("CREATE TABLE alembic_version (version_num)")
    raw.execute("INSERT INTO alembic_version VALUES (?)", (version,))
    raw.execute("CREATE TABLE things (number)")
    raw.execute("INSERT INTO things VALUES (1)")
    return raw


def test_a_closed_database_is_read_in_place(tmp_path: Path) -> None:
    """Nothing is copied where there is no log, whatever its size."""
    made(tmp_path / "m.db", wal=True).close()
    view = readonly.view_of(tmp_path / "m.db", head="9")
    assert view.copy is None and rows(view) == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["m.db"]


@pytest.mark.parametrize("wal", [True, False])
def test_what_a_log_holds_is_seen(tmp_path: Path, wal: bool) -> None:
    """What was committed to a log counts; what a rollback journal was to undo is undone; the original stays as it is."""
    (tmp_path / "made").mkdir()
    writing = made(tmp_path / "made" / "m.db", wal=wal)
    if wal:
        writing.execute("INSERT INTO things VALUES (2)")
    else:  # pages of an open transaction are in the database already, and what they were in the journal
        writing.execute("PRAGMA cache_size = 1")
        writing.execute("BEGIN")
        writing.executemany("INSERT INTO things VALUES (?)", ((n,) for n in range(100, 20_000)))
        assert (tmp_path / "made" / "m.db-journal").stat().st_size > 0
    copy = Path(shutil.copytree(tmp_path / "made", tmp_path / "copy"))
    (copy / "m.db-shm").unlink(missing_ok=True)
    writing.close()
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    view = readonly.view_of(copy / "m.db", head="9")
    assert rows(view) == ([1, 2] if wal else [1])
    view.close()
    view.close()
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_an_older_version_is_copied_so_that_it_can_be_migrated(tmp_path: Path) -> None:
    """Tables of an earlier version are brought up to date in the copy alone."""
    made(tmp_path / "m.db", wal=True, version="8").close()
    view = readonly.view_of(tmp_path / "m.db", head="9")
    assert view.copy and rows(view) == [1]
    view.close()


@pytest.mark.parametrize(("times", "is_read"), [(1, True), (100, False)])
def test_a_copy_is_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, is_read: bool) -> None:
    """A service on another computer that writes meanwhile makes no mixture: it is copied again, or that is an error."""
    writing, left = made(tmp_path / "m.db", wal=True), times
    monkeypatch.setattr(readonly, "_PAUSE_S", 0)
    copy: Callable[[str, Path], object] = shutil.copyfile

    def disturbed(source: str, target: Path) -> None:
        nonlocal left
        copy(source, target)
        if left:
            left -= 1
            writing.execute("INSERT INTO things VALUES (2)")

    monkeypatch.setattr(shutil, "copyfile", disturbed)
    if is_read:
        view = readonly.view_of(tmp_path / "m.db", head="9")
        assert rows(view) == [1, 2]
        view.close()
    else:
        with pytest.raises(CatalogError, match="is being written to"):
            readonly.view_of(tmp_path / "m.db", head="9")
    writing.close()
