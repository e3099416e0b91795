"""The part of the client that exports bags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.client.archives import OpenArchives
from pywats_archive.config.outline import StationOutline
from pywats_archive.models.query import EntryFilter, SortKey
from pywats_archive.models.time import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from pywats_archive.models.bag.outcome import Exported

_PAGE = 500


class Exports:
    """Exports entries as BagIt bags."""

    _archives: OpenArchives
    _station: StationOutline | None
    actor: str
    """The name of this client's user in the history."""

    def export_bag(
        self,
        target: Path | str,
        wanted: EntryFilter | None = None,
        *,
        sources: bool = True,
        reports: bool = True,
        on_progress: Callable[[int], None] = lambda number: None,
    ) -> Exported:
        """Export the entries that match as a bag: a new folder, or a new zip if the name ends with ``.zip``.

        Without ``sources`` or ``reports`` their bytes are left out; the record of each entry is always there. An export that
        was killed goes on when it is called again in the same way, with the entries that were chosen first. The history
        records the export of each entry before its bytes are read. ``on_progress`` is called with the number of entries that
        were just written. A client of a configuration signs the bag, if there is a key (``unsigned_because``). UsageError if
        the target exists; what cannot be read is in ``problems``.
        """
        from pywats_archive.client.export.bag.making import Making
        from pywats_archive.client.export.bag.order import Order

        order = Order(
            target=arguments.path(target, "target").absolute(),
            wanted=arguments.entry_filter(wanted or EntryFilter()),
            sources=sources,
            reports=reports,
        )
        making = Making(
            order,
            self._archives.all,
            self._archives.holder,
            config=self._station.path if self._station else None,
            actor=self.actor,
            on_progress=on_progress,
        )
        return making.make(self._ids(order.wanted), utc_now())

    def _ids(self, wanted: EntryFilter) -> Iterator[str]:
        """Stream the ids of the entries that match, oldest first."""
        chosen, after = replace(wanted, sort=SortKey.TIME, newest_first=False), None
        while True:
            page = self._archives.find(chosen, limit=_PAGE, offset=0, after=after)
            yield from (each.archive_id for each in page.items)
            if (after := page.next) is None:
                return
