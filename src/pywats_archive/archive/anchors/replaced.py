"""The histories that rebuilds of the catalog replaced, and whether an event seen elsewhere belongs to one of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.catalog import events
from pywats_archive.catalog.former_history import former_hashes


class ReplacedHistories:
    """The replaced histories of one archive; each is read when it is first needed."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def is_kept(self, event: int, chained: str) -> bool:
        """Whether a rebuild kept a catalog whose history has an event of this number and hash."""
        return bool(self._rebuilds) and any(hash_at(event) == chained for hash_at in self._kept)

    def is_lost(self, event: int, at: datetime) -> bool:
        """Whether an event of this number and time may belong to a history that a rebuild replaced and did not keep."""
        return any(event > kept and at <= rebuilt_at for kept, rebuilt_at in self._rebuilds)

    @cached_property
    def _rebuilds(self) -> tuple[tuple[int, datetime], ...]:
        """The last event that each rebuild kept, and when that was."""
        with self._archive.read() as db:
            rebuilt = events.without_archive_id(db, "catalog.rebuilt")
        return tuple((int(event.details.get("last_event") or 0), event.at) for event in rebuilt)

    @cached_property
    def _kept(self) -> tuple[Callable[[int], str | None], ...]:
        paths = sorted(self._archive.root.glob(f"{layout.CATALOG}.damaged-*"))
        return tuple(former_hashes(path) for path in paths if not path.name.endswith(("-wal", "-shm")))
