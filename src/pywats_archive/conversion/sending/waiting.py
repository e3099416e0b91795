"""The reports that wait in the archives; an archive that cannot be read does not affect the others."""

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

_SKIP_S = 5.0


class Waiting:
    """Reads each archive's waiting reports; with ``ignores_backoff``, those that are not due yet too."""

    def __init__(self, archives: Callable[[], Sequence[Archive]], *, ignores_backoff: bool) -> None:
        self._archives = archives
        self._ignores_backoff = ignores_backoff
        self._unreadable: dict[str, tuple[Unsendable, float]] = {}

    @property
    def unreadable_archives(self) -> tuple[Unsendable, ...]:
        """The archives that cannot be read, with the reason."""
        return tuple(unreadable for unreadable, _ in tuple(self._unreadable.values()))

    def due(self, *, limit: int) -> Iterator[tuple[str, list[ArchivedItem]]]:
        """Read the reports of each archive that are due, by its folder; at most ``limit`` of each."""
        now_s = time.monotonic()
        for archive in self._archives():
            place = str(archive.root)
            if self._unreadable.get(place, (None, now_s))[1] > now_s:
                continue
            try:
                reports = submissions.due_reports(
                    archive, limit=limit, longest_delay=LONGEST_DELAY, whatever_backoff=self._ignores_backoff
                )
            except Exception as exc:
                self.note_unreadable(place, exc)
                continue
            self._unreadable.pop(place, None)
            yield place, [ArchivedItem(archive=archive, report=report) for report in reports]

    def note_unreadable(self, place: str, exc: Exception) -> None:
        """Skip a place for a while; each reason is logged once."""
        unreadable = Unsendable(place=place, reason=describe_error(exc))
        if self._unreadable.get(place, (None, 0.0))[0] != unreadable:
            log.error("outbox.archive_unreadable", place=place, reason=unreadable.reason)
        self._unreadable[place] = unreadable, time.monotonic() + _SKIP_S

    def note_readable(self, place: str) -> None:
        """Note that a place can be read."""
        self._unreadable.pop(place, None)

    def retry_now(self) -> None:
        """Read every archive at the next chance."""
        self._unreadable.clear()


def describe_error(exc: Exception) -> str:
    """Return an error as one line of text; with the type of an unexpected one."""
    return str(exc) if isinstance(exc, ArchiveError) else f"{type(exc).__name__}: {exc}"
