"""Archive ids: each is assigned once, by one process."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from pywats_archive.catalog import entries
from pywats_archive.catalog.engine import Catalog
from pywats_archive.models.ids import archive_id


class Ids:
    """The ids that this process has assigned, so that two sources of the same millisecond get different ids."""

    _REMEMBERED = 50_000

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._claimed: set[str] = set()
        self._mutex = threading.Lock()
        with catalog.read() as db:
            self._newest = entries.newest_id(db)

    def claim(self, moment: datetime, sha256: str) -> str:
        """Return the id of this moment, or that of the next free millisecond."""
        with self._mutex:
            while self._is_claimed(name := archive_id(moment, sha256)):
                moment += timedelta(milliseconds=1)
            if len(self._claimed) > self._REMEMBERED:
                self._newest, self._claimed = max(self._claimed), set()
            self._claimed.add(name)
            return name

    def _is_claimed(self, name: str) -> bool:
        """Look up only ids up to the newest of earlier times: the clock may have been set back."""
        if name in self._claimed:
            return True
        if name > self._newest:
            return False
        with self._catalog.read() as db:
            return entries.has(db, name)
