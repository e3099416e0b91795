"""A database on a read-only medium: read in place, or in a private copy if it has a log."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.catalog.driver import uri
from pywats_archive.errors import CatalogError
from pywats_archive.portable import names

if TYPE_CHECKING:
    from pywats_archive.portable.scratch import Scratch

CANNOT_WRITE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_LOGS = ("-wal", "-journal")
_TRIES, _PAUSE_S = 5, 0.2
"""How often the copy is repeated if another computer's service writes meanwhile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """How such a database is read."""

    database: str
    """As a URI."""
    copy: Scratch | None = None
    """Holds the private copy; None if it is read in place."""

    def close(self) -> None:
        """Remove the copy; idempotent."""
        if self.copy:
            self.copy.close()


def view_of(path: Path, *, head: str) -> View:
    """Return how to read the database at ``path``; CatalogError if it cannot be read, or changes all the time.

    In place (``immutable``, sqlite.org/uri) if it has no log and is of the version ``head``. A log, which cannot be written
    back there, and an older version need a copy in the temporary folder.
    """
    in_place = uri(path, "immutable=1")
    if not any(Path(f"{path}{suffix}").exists() for suffix in _LOGS) and _version(in_place) in (head, None):
        return View(database=in_place)
    from pywats_archive.portable.scratch import Scratch  # noqa: PLC0415 (slow to import, and seldom needed)

    copy = Scratch()
    try:
        copied = _copied(path, copy.make())
    except OSError as exc:
        copy.close()
        raise CatalogError(
            f"{path}: cannot be written, nor copied for reading ({exc.strerror or exc}); check its rights, and the free "
            "space in the temporary folder (TMPDIR)"
        ) from exc
    except BaseException:
        copy.close()
        raise
    return View(database=uri(copied, "mode=rw"), copy=copy)


def _version(database: str) -> str | None:
    """Return the version of its tables; None if it has none, or cannot be read: opening it has a better message."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(database, uri=True)) as db:
        row = db.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None
    return None


def _copied(path: Path, folder: Path) -> Path:
    """Copy a database with its log, both as of one moment."""
    for _ in range(_TRIES):
        before = _marks(path)
        for suffix in before:
            shutil.copyfile(f"{path}{suffix}", folder / f"{path.name}{suffix}")
        if _marks(path) == before:
            return folder / path.name
        for leftover in folder.iterdir():
            names.unlink(leftover)
        time.sleep(_PAUSE_S)
    raise CatalogError(
        f"{path}: is being written to by another computer, and cannot be written here; read it there, or read a snapshot"
    )


def _marks(path: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of the database and of its logs, by their suffixes."""
    found: dict[str, tuple[int, int]] = {}
    for suffix in ("", *_LOGS):
        with suppress(FileNotFoundError):
            status = os.stat(f"{path}{suffix}")  # noqa: PTH116 (a name with a suffix after its suffix)
            found[suffix] = (status.st_size, status.st_mtime_ns)
    return found
