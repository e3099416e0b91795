"""The history in the old catalog, which is being replaced: trusted up to the first event that breaks its chain."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from pywats_archive.catalog import events
from pywats_archive.catalog.erased_events import OF_ENTRY

_OF_ENTRY = "SELECT kind, details FROM events WHERE archive_id = ? AND sequence <= ? ORDER BY sequence"


class FormerHistory:
    """The events of a catalog, as far as their chain is whole; none if it cannot be read."""

    def __init__(self, db: sqlite3.Connection | None = None, *, until: int | None = None) -> None:
        self._db = db
        self._last: tuple[str, list[tuple[str, dict[str, Any]]]] = ("", [])
        """The last entry that was asked for, and its events: several questions follow each other."""
        self._until = until if until is not None else _whole_until(db) if db else 0

    @property
    def until(self) -> int:
        """The number of the last event up to which the chain is whole; 0 if there is none."""
        return self._until

    def hash_at(self, sequence: int) -> str | None:
        """Return the hash of an event; None if there is none, or the chain is broken before it."""
        if self._db is None or not 0 < sequence <= self._until:
            return None
        with suppress(sqlite3.Error):
            row = self._db.execute("SELECT hash FROM events WHERE sequence = ?", (sequence,)).fetchone()
            return str(row[0]) if row else None
        return None

    def is_purged(self, archive_id: str) -> bool:
        """Whether the entry was purged or erased, according to an event."""
        return any(kind in ("entry.purged", OF_ENTRY) for kind, _ in self._of(archive_id))

    def rolled_back(self, archive_id: str) -> frozenset[str]:
        """Return the paths of the reports of conversions that were rolled back."""
        recorded: list[frozenset[str]] = []
        taken: set[str] = set()
        for kind, details in self._of(archive_id):
            if kind == "conversion.recorded":
                recorded.append(frozenset(str(each["blob"]) for each in details.get("reports", ())))
            elif kind == "conversion.set_back" and 0 < details.get("from_attempt", 0) <= len(recorded):
                taken |= recorded[details["from_attempt"] - 1]
        return frozenset(taken)

    def _of(self, archive_id: str) -> list[tuple[str, dict[str, Any]]]:
        if self._last[0] != archive_id:
            self._last = (archive_id, self._read(archive_id))
        return self._last[1]

    def _read(self, archive_id: str) -> list[tuple[str, dict[str, Any]]]:
        if self._db is None or not self._until:
            return []
        with suppress(sqlite3.Error, ValueError):
            rows = self._db.execute(_OF_ENTRY, (archive_id, self._until)).fetchall()
            return [(kind, json.loads(details)) for kind, details in rows]
        return []


def former_hashes(path: Path) -> Callable[[int], str | None]:
    """Return a function that returns the hash of an event of a replaced catalog, as far as its chain is whole."""
    with former_history(path) as former:
        until = former.until

    def hash_at(sequence: int) -> str | None:
        if not 0 < sequence <= until:
            return None
        with former_history(path, until=until) as again:
            return again.hash_at(sequence)

    return hash_at


@contextmanager
def former_history(path: Path, *, until: int | None = None) -> Iterator[FormerHistory]:
    """Read the history in the database at ``path``, which stays open inside the block. Changes nothing.

    ``until``: the last event up to which the chain is known to be whole; default: the chain is checked.
    """
    if not path.exists() or path.stat().st_size == 0:
        yield FormerHistory()
        return
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error:
        yield FormerHistory()
        return
    with closing(db):
        yield FormerHistory(db, until=until)


def _whole_until(db: sqlite3.Connection) -> int:
    """Return the sequence of the last event up to which the chain is whole and readable."""
    until = 0
    with suppress(sqlite3.Error, ValueError, TypeError):
        for row, is_whole in events.walked(db.execute(events.whole_story(db)), events.erasures_in(db)):
            until = row[0] if is_whole else until
    return until
