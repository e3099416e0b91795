"""Events as CSV that a spreadsheet opens: no cell is taken for a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator

from pywats_archive.models.event import RecordedEvent, category_of
from pywats_archive.models.time import as_utc

COLUMNS = ("archive", "sequence", "time", "category", "kind", "actor", "archive_id", "reason", "details", "hash")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""The first characters of cells that spreadsheets compute (OWASP: CSV injection)."""


def csv_lines(events: Iterable[RecordedEvent]) -> Iterator[str]:
    """Yield a header line, then a line for each event; a text that looks like a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    yield _taken(text)
    for event in events:
        writer.writerow([harmless(each) for each in _row(event)])
        yield _taken(text)


def harmless(value: object) -> object:
    """Return a value that no spreadsheet takes for a formula; bytes of a name that are no text are escaped."""
    if not isinstance(value, str):
        return value
    text = value.encode("utf-8", "backslashreplace").decode()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(event: RecordedEvent) -> tuple[object, ...]:
    category = category_of(event.kind)
    return (
        str(event.archive),
        event.sequence,
        as_utc(event.at).isoformat(),
        category.value if category else "",
        event.kind,
        event.actor,
        event.archive_id or "",
        event.details.get("reason", ""),
        json.dumps(event.details, sort_keys=True),
        event.hash,
    )


def _taken(text: io.StringIO) -> str:
    line = text.getvalue()
    text.seek(0)
    text.truncate()
    return line
