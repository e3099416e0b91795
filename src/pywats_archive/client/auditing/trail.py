"""The part of the client for auditors: who did what, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.client.archives import OpenArchives
from pywats_archive.models.time import as_utc

if TYPE_CHECKING:
    from datetime import datetime

    from pywats_archive.models.event import EventFilter, RecordedEvent


class Auditing:
    """Reads the history of all archives of a station for an audit."""

    _archives: OpenArchives

    def audit(self, wanted: EventFilter | None = None, *, newest: int | None = None) -> Iterator[RecordedEvent]:
        """Stream the events that match, oldest first, over all archives; only the ``newest`` so many, if that is given.

        Without kinds and categories, these are all events of ``AuditCategory``: accesses, sign-ins, changes, holds, purges,
        replays, confirmations, repairs. Memory is bounded, however long the history is.
        """
        from pywats_archive.archive.overview import history
        from pywats_archive.models.event import AuditCategory, EventFilter

        asked = wanted or EventFilter()
        if not asked.kinds and not asked.categories:
            asked = replace(asked, categories=tuple(AuditCategory))
        asked = replace(asked, since=_utc(asked.since), until=_utc(asked.until))
        most = None if newest is None else arguments.whole(newest, "newest", least=1)
        return history.stream(self._archives.all, asked, newest=most)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else as_utc(moment)
