"""Tests in a folder what the catalog needs: a database in WAL mode that two processes share."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.catalog.driver import DRIVER_ERRORS, translated

_TIMEOUT_S = 20
_OTHER_PROCESS = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)
print(db.execute("SELECT count(*) FROM trial").fetchone()[0])
db.execute("INSERT INTO trial VALUES (2)")
db.close()
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sharing:
    """How SQLite works in a folder."""

    journal_mode: str
    """``wal`` where it has shared memory."""
    is_shared: bool
    """Whether a second process saw what was committed, and the first one what the second committed."""


def try_sharing(path: Path) -> Sharing:
    """Create a small database at ``path`` and use it from two processes; CatalogError if SQLite cannot.

    The caller removes it.
    """
    try:
        with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as db:
            (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
            db.execute("PRAGMA synchronous = FULL")
            db.execute("CREATE TABLE trial (number INTEGER)")
            db.execute("INSERT INTO trial VALUES (1)")
            seen_there = _other_process(path)
            (seen_here,) = db.execute("SELECT count(*) FROM trial").fetchone()
    except DRIVER_ERRORS as exc:
        raise translated(path, exc) from exc
    return Sharing(journal_mode=mode, is_shared=(seen_there, seen_here) == ("1", 2))


def _other_process(path: Path) -> str:
    """Return what another process counted, or the last line of its error."""
    command = [sys.executable, "-c", _OTHER_PROCESS, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return "timeout"
    return done.stdout.strip()
