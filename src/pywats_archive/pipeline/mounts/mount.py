"""How much of each line's work is queued or going on: as long as there is some, its archive stays open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pywats_archive.archive.core import Archive
from pywats_archive.pipeline.lanes.lane import Line


class Busy:
    """Counts in ``Line.busy``; safe to use from many threads."""

    def __init__(self, lines: Callable[[], Sequence[Line]]) -> None:
        self._lines = lines
        self._mutex = threading.Lock()

    def begin(self, line: Line) -> None:
        """Count a piece of work that is queued."""
        with self._mutex:
            line.busy += 1

    def end(self, line: Line) -> None:
        """Count that it has ended."""
        with self._mutex:
            line.busy -= 1

    @contextmanager
    def using(self, archive: Archive) -> Iterator[bool]:
        """Keep an archive open meanwhile; gives whether it may be used. The guard looks at ``busy`` after it took it away."""
        with self._mutex:
            lines = [line for line in self._lines() if line.archive is archive]
            for line in lines:
                line.busy += 1
        try:
            yield bool(lines) and not any(line.away or line.is_waiting for line in lines)
        finally:
            with self._mutex:
                for line in lines:
                    line.busy -= 1

    @contextmanager
    def halted(self, line: Line) -> Iterator[bool]:
        """Let nothing be queued meanwhile; gives whether nothing of this line is."""
        with self._mutex:
            yield not line.busy
