"""How the sources of one run ended."""

from __future__ import annotations

import threading
from collections import Counter

from pywats_archive.models.arrival import ArrivalState


class RunCounts:
    """Counts sources by the state in which they ended; safe to use from many threads."""

    def __init__(self) -> None:
        self._counts: Counter[ArrivalState] = Counter()
        self._mutex = threading.Lock()

    def count(self, state: ArrivalState) -> None:
        """Count one source."""
        with self._mutex:
            self._counts[state] += 1

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of sources by state, such as ``done``; states without sources are omitted."""
        return {state.value: self._counts[state] for state in ArrivalState if self._counts[state]}
