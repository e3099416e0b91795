"""The blobs that come with the events of a history: a segment that has an event must have them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from pywats_archive.catalog import exporting
from pywats_archive.catalog.engine import Connection

Named = tuple[bool, tuple[str, ...]]
"""Whether an entry was purged, and the paths of its blobs."""
Numbers = tuple[int, int]
"""The greatest numbers of an entry and of a report so far."""
_PAGE = 200


class NamedBlobs:
    """Names the blobs of ranges of events; reads each event once if the ranges come in their order."""

    def __init__(self) -> None:
        self._last = 0
        self._numbers: Numbers = (0, 0)

    def between(self, db: Connection, first: int, last: int) -> dict[str, bool]:
        """Return the blobs that come with the events from ``first`` to ``last``, and whether each was purged since.

        The blobs of an entry include companions that were found later.
        """
        if first <= self._last:
            self._last, self._numbers = 0, (0, 0)
        between = exporting.numbers_in(db, self._last + 1, first - 1)
        self._numbers = max(self._numbers[0], between[0]), max(self._numbers[1], between[1])
        named = dict[str, bool]()
        for event in events_after(db, first - 1):
            if event[0] > last:
                break
            for is_purged, paths in blobs_of(db, event, self._numbers):
                named |= dict.fromkeys(filter(None, paths), is_purged)
            for table, key in exporting.bound_keys(event[6]):
                self._numbers = numbers_with(self._numbers, table.name, key)
        self._last = last
        return named


def events_after(db: Connection, last: int) -> Iterator[Sequence[Any]]:
    """Yield the rows of the events after one, oldest first."""
    while page := exporting.after(db, last, _PAGE):
        yield from page
        last = page[-1][0]


def blobs_of(db: Connection, event: Sequence[Any], so_far: Numbers) -> Iterator[Named]:
    """Yield the blobs that come with an event; ``so_far`` are the numbers before it."""
    kind, archive_id, details, bound_rows = event[1], event[3], event[5], event[6]
    for table, key in exporting.bound_keys(bound_rows):
        if table.name == "archive_entries" and int(key) > so_far[0]:
            yield exporting.paths_of_entry(db, int(key))
        elif table.name == "reports" and int(key) > so_far[1]:
            yield exporting.path_of_report(db, int(key))
    known: Any = {}
    with suppress(ValueError, TypeError):
        known = json.loads(details)
    if kind == "companions.archived" and archive_id:
        yield exporting.paths_of_companions(db, archive_id, _names(known))
    with suppress(TypeError, KeyError, AttributeError):
        if kind == "converter.kept":
            yield False, (str(known["blob"]),)
        if record := known.get("record"):
            yield False, (str(record["blob"]),)


def numbers_with(so_far: Numbers, table: str, key: str) -> Numbers:
    """Return the greatest numbers with a bound row."""
    entry_no, report_no = so_far
    if table == "archive_entries":
        return max(entry_no, int(key)), report_no
    return (entry_no, max(report_no, int(key))) if table == "reports" else so_far


def _names(details: Any) -> Sequence[str]:
    """Return the names of an event about companions; none if they were erased."""
    names = details.get("names") if isinstance(details, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
