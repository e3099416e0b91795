"""One page of entries from several archives."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import islice
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.errors import UsageError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter, Page, SortKey

_FIELDS = {
    SortKey.TIME: "conversion_timestamp",
    SortKey.SERIAL: "serial_number",
    SortKey.SIZE: "source_size_bytes",
    SortKey.DURATION: "conversion_duration_ms",
    SortKey.RESULT: "result",
}
_EMPTY: Page[ArchiveEntry] = Page(items=(), total=0)
_END = "-"
"""Stands for the position in an archive of which everything was shown; an empty position is its beginning."""


def find(
    archives: Sequence[Archive], wanted: EntryFilter, *, limit: int, offset: int = 0, after: str | None = None
) -> Page[ArchiveEntry]:
    """Return a page of the matches in all archives, in one order; a position has one part for each archive."""
    positions = [""] * len(archives) if after is None else after.split(",")
    if len(positions) != len(archives):
        raise UsageError(
            f"after = '{after}': is no position in {len(archives)} archives; take 'next' of a page of them"
        )
    pages = [
        _EMPTY if position == _END else archive.find(wanted, limit=limit + offset, after=position or None)
        for archive, position in zip(archives, positions, strict=True)
    ]
    merged = heapq.merge(  # keeps the order within each archive, of which the position behind a page is a part
        *([(number, entry) for entry in page.items] for number, page in enumerate(pages)),
        key=lambda found: _key(found[1], wanted),
        reverse=wanted.newest_first,
    )
    shown = list(islice(merged, offset + limit))
    following = [
        _behind(archive, wanted, page, position, sum(number == of for of, _ in shown))
        for number, (archive, page, position) in enumerate(zip(archives, pages, positions, strict=True))
    ]
    return Page(
        items=tuple(entry for _, entry in shown[offset:]),
        total=sum(page.total for page in pages),
        total_is_exact=all(page.total_is_exact for page in pages),
        next=None if all(each == _END for each in following) else ",".join(following),
    )


def _behind(archive: Archive, wanted: EntryFilter, page: Page[ArchiveEntry], position: str, shown: int) -> str:
    """Return the position behind the entries of an archive that are shown: the first ones of its page."""
    if shown == len(page.items):
        return page.next or _END
    if not shown:
        return position
    return archive.find(wanted, limit=shown, after=position or None).next or _END


def _key(entry: ArchiveEntry, wanted: EntryFilter) -> tuple[Any, ...]:
    if wanted.text is not None and wanted.sort is SortKey.TIME:
        return (entry.archive_id,)
    value = getattr(entry, _FIELDS[wanted.sort])
    is_last = value is None
    by_time = [entry.conversion_timestamp] if wanted.sort is SortKey.RESULT else []
    return (is_last is not wanted.newest_first, *([] if is_last else [value]), *by_time, entry.archive_id)
