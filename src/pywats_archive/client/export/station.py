"""The part of the client that exports bags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.client.archives import OpenArchives
from pywats_archive.config.outline import StationOutline
from pywats_archive.errors import UsageError
from pywats_archive.models.query import MOST_CHOSEN, EntryFilter, SortKey
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
        reason: str | None = None,
        on_progress: Callable[[int], None] = lambda number: None,
    ) -> Exported:
        """Export the entries that match as a bag: a new folder, or a new zip if the name ends with ``.zip``.

        Without ``sources`` or ``reports`` their bytes are left out; the record of each entry is always there. An export that
        was killed goes on when it is called again in the same way, with the entries that were chosen first. The history
        records the export of each entry before its bytes are read, and the finished bag with its checksum, both with the
        ``reason``. ``on_progress`` is called with the number of entries that were just written. A client of a configuration
        signs the bag, if there is a key (``unsigned_because``). UsageError if the target exists; what cannot be read is in
        ``problems``.
        """
        from pywats_archive.client.export.bag.making import Making
        from pywats_archive.client.export.bag.order import Order

        order = Order(
            target=arguments.path(target, "target").absolute(),
            wanted=arguments.entry_filter(wanted or EntryFilter()),
            sources=sources,
            reports=reports,
            reason=_reason(reason),
        )
        making = Making(order, self._archives.all, self._archives.holder, config=self._place, actor=self.actor)
        return making.make(self._ids(order.wanted), utc_now(), on_progress=on_progress)

    def stream_bag(
        self,
        name: str,
        wanted: EntryFilter | None = None,
        *,
        sources: bool = True,
        reports: bool = True,
        reason: str | None = None,
        actor: str | None = None,
    ) -> Iterator[bytes]:
        """Stream the bag ``name`` of the entries that match as a zip, as ``export_bag`` makes it; no file is made.

        UsageError comes first, if no entry matches, or more than ``MOST_CHOSEN``.
        """
        from pywats_archive.client.export.bag.order import Order
        from pywats_archive.client.export.bag.streaming import Streaming
        from pywats_archive.client.export.names import safe

        order = Order(
            target=Path(f"{safe(arguments.text(name, 'name').replace('/', '_'))}.zip"),
            wanted=arguments.entry_filter(wanted or EntryFilter()),
            sources=sources,
            reports=reports,
            reason=_reason(reason),
            is_download=True,
        )
        ids = tuple(islice(self._ids(order.wanted), MOST_CHOSEN + 1))
        if not 0 < len(ids) <= MOST_CHOSEN:
            fault = f"more than {MOST_CHOSEN:,} entries match; narrow the dates" if ids else "no entry matches"
            raise UsageError(f"{fault}; nothing was exported")
        archives, holder = self._archives.all, self._archives.holder
        streaming = Streaming(order, archives, holder, config=self._place, actor=actor or self.actor)
        return streaming.pieces(ids, utc_now())

    @property
    def _place(self) -> Path | None:
        """The configuration beside which the signing key lies."""
        return self._station.path if self._station else None

    def _ids(self, wanted: EntryFilter) -> Iterator[str]:
        """Stream the ids of the entries that match, oldest first."""
        chosen, after = replace(wanted, sort=SortKey.TIME, newest_first=False), None
        while True:
            page = self._archives.find(chosen, limit=_PAGE, offset=0, after=after)
            yield from (each.archive_id for each in page.items)
            if (after := page.next) is None:
                return


def _reason(text: str | None) -> str:
    return "" if text is None else arguments.text(text, "reason", most=1000, may_be_empty=True).strip()
