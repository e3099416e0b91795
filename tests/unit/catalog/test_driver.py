"""The errors of the database driver, in words of ours."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from pywats_archive.catalog.driver import translated


@pytest.mark.parametrize(
    ("free_bytes", "words"),
    [(0, "its disk is full: free some space"), (1_000_000, "check the disk, its rights and who else has it open")],
)
def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_bytes: int, words: str) -> None:
    """SQLite calls it an I/O error when its shared memory cannot grow."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free_bytes))
    error = translated(tmp_path / "metadata.db", sqlite3.OperationalError("disk I/O error"))
    assert str(error) == f"{tmp_path / 'metadata.db'} cannot be used (disk I/O error): {words}"
