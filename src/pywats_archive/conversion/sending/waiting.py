"""The reports that wait in the archives, read when they are due; an archive that cannot be asked stops no other one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import structlog

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import submissions
from pywats_archive.conversion.sending.items import LONGEST_DELAY, ArchivedItem
from pywats_archive.conversion.sending.tries import Unsendable
from pywats_archive.errors import ArchiveError

log = structlog.get_logger()

_LEFT_ALONE_S = 5.0


class Waiting:
    """Reads the outbox's part of each archive. ``whatever_backoff`` gives what is not due yet, too."""

    def __init__(self, archives: Callable[[], Sequence[Archive]], *, whatever_backoff: bool) -> None:
        self._archives = archives
        self._whatever_backoff = whatever_backoff
        self._unread: dict[str, tuple[Unsendable, float]] = {}

    @property
    def unread(self) -> tuple[Unsendable, ...]:
        """What cannot be asked, and why."""
        return tuple(unread for unread, _ in tuple(self._unread.values()))

    def due(self, *, limit: int) -> Iterator[tuple[str, list[ArchivedItem]]]:
        """Read the reports of each archive that are due, by its folder; at most ``limit`` of each."""
        now_s = time.monotonic()
        for archive in self._archives():
            place = str(archive.root)
            if self._unread.get(place, (None, now_s))[1] > now_s:
                continue
            try:
                reports = submissions.due_reports(
                    archive, limit=limit, longest_delay=LONGEST_DELAY, whatever_backoff=self._whatever_backoff
                )
            except Exception as exc:
                self.note_unread(place, exc)
                continue
            self._unread.pop(place, None)
            yield place, [ArchivedItem(archive=archive, report=report) for report in reports]

    def note_unread(self, place: str, exc: Exception) -> None:
        """Leave a place alone for a while; the log has each reason once."""
        unread = Unsendable(place=place, reason=told(exc))
        if self._unread.get(place, (None, 0.0))[0] != unread:
            log.error("outbox.archive_unreadable", place=place, reason=unread.reason)
        self._unread[place] = unread, time.monotonic() + _LEFT_ALONE_S

    def note_read(self, place: str) -> None:
        """Note that nothing is wrong there."""
        self._unread.pop(place, None)

    def ask_at_once(self) -> None:
        """Ask everywhere again."""
        self._unread.clear()


def told(exc: Exception) -> str:
    """What went wrong, in a line; of what nobody foresaw, its kind too."""
    return str(exc) if isinstance(exc, ArchiveError) else f"{type(exc).__name__}: {exc}"
