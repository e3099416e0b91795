"""The part of the client for auditors: who did what, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.client.archives import OpenArchives
from pywats_archive.errors import UsageError
from pywats_archive.models.time import as_utc

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from pywats_archive.models.event import AuditPage, EventFilter, RecordedEvent

_LONGEST = 10_000
"""Of a position: far more than the numbers of all archives of a station take."""


class Auditing:
    """Reads the history of all archives of a station for an audit."""

    _archives: OpenArchives

    def audit(self, wanted: EventFilter | None = None, *, newest: int | None = None) -> Iterator[RecordedEvent]:
        """Stream the events that match, oldest first, over all archives; only the ``newest`` so many, if that is given.

        Without kinds and categories, these are all events of ``AuditCategory``: accesses, sign-ins, changes, holds, purges,
        replays, confirmations, repairs. Memory is bounded, however long the history is.
        """
        from pywats_archive.archive.overview import history

        most = None if newest is None else arguments.whole(newest, "newest", least=1)
        return history.stream(self._archives.all, _audited(wanted), newest=most)

    def audit_page(
        self, wanted: EventFilter | None = None, *, limit: int = 100, before: str | None = None
    ) -> AuditPage:
        """Return the newest events that ``audit`` would stream, newest first; older ones with ``before``, from ``older``."""
        from pywats_archive.archive.overview import history
        from pywats_archive.models.event import AuditPage

        most = arguments.whole(limit, "limit", least=1, most=10_000)
        position = {} if before is None else self._position(arguments.text(before, "before", most=_LONGEST))
        found = history.older(self._archives.all, _audited(wanted), limit=most + 1, before=position)
        shown = found[:most]
        position |= {event.archive: event.sequence for event in shown if event.sequence is not None}
        older = ",".join(str(position.get(each.root, "")) for each in self._archives.all)
        return AuditPage(events=shown, older=older if len(found) > most else None)

    def _position(self, text: str) -> dict[Path, int]:
        """Return the number that each archive has in a position, in their order; an empty one is the end of its history."""
        roots, numbers = [each.root for each in self._archives.all], text.split(",")
        if len(roots) != len(numbers) or not all(each.isdecimal() and len(each) < 19 for each in numbers if each):
            raise UsageError(f"before '{text[:80]}' is no position in this history; take 'older' of a page of it")
        return {root: int(number) for root, number in zip(roots, numbers, strict=True) if number}


def _audited(wanted: EventFilter | None) -> EventFilter:
    """Return a filter with all categories if it names neither kinds nor categories, times in UTC."""
    from pywats_archive.models.event import AuditCategory, EventFilter

    asked = wanted or EventFilter()
    if not asked.kinds and not asked.categories:
        asked = replace(asked, categories=tuple(AuditCategory))
    return replace(asked, since=_utc(asked.since), until=_utc(asked.until))


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else as_utc(moment)
