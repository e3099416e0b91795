"""The orders of entries that indexes have, and the position in one where a page ends."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from pywats_archive.errors import UsageError
from pywats_archive.models.query import EntryFilter, SortKey

_COLUMNS = {
    SortKey.TIME: ("conversion_timestamp", "archive_id"),
    SortKey.SERIAL: ("serial_number", "archive_id"),
    SortKey.SIZE: ("source_size_bytes", "archive_id"),
    SortKey.DURATION: ("conversion_duration_ms", "archive_id"),
    SortKey.RESULT: ("result", "conversion_timestamp", "archive_id"),
}
_MAY_BE_NULL = frozenset({"serial_number", "conversion_duration_ms", "result"})
BY_ARRIVAL = ("entry_text.rowid",)
"""The order of the full-text index, which is that of ``entry_no``."""
_NUMBERS = frozenset({"source_size_bytes", "conversion_duration_ms", *BY_ARRIVAL})


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """Columns that order entries without a tie; values that are missing in the first one come last."""

    columns: tuple[str, ...]
    descending: bool

    @property
    def may_be_null(self) -> bool:
        """Whether entries may lack the first column."""
        return self.columns[0] in _MAY_BE_NULL

    def sql(self, *, missing: bool) -> str:
        """Return the ORDER BY clause, of the entries that lack the first column or of the others."""
        direction = "DESC" if self.descending else "ASC"
        return "ORDER BY " + ", ".join(f"{name} {direction}" for name in self._compared(missing=missing))

    def beyond(self, position: tuple[Any, ...] | None, *, missing: bool) -> tuple[str, tuple[Any, ...]]:
        """Return the condition of the entries behind a position, with its values."""
        state = [f"{self.columns[0]} IS {'' if missing else 'NOT '}NULL"] if self.may_be_null else []
        if position is None:
            return " AND ".join(state), ()
        names = self._compared(missing=missing)
        values = position[-len(names) :]
        sign = "<" if self.descending else ">"
        row = f"({', '.join(names)}) {sign} ({', '.join('?' * len(names))})"
        return " AND ".join([*state, row]), values

    def _compared(self, *, missing: bool) -> tuple[str, ...]:
        return self.columns[1:] if missing else self.columns


def order_of(wanted: EntryFilter) -> Order:
    """Return the order that is asked for; with a text, time means the moment of archiving."""
    if wanted.text is not None and wanted.sort is SortKey.TIME:
        return Order(columns=BY_ARRIVAL, descending=wanted.newest_first)
    return Order(columns=_COLUMNS[wanted.sort], descending=wanted.newest_first)


def written(position: tuple[Any, ...]) -> str:
    """Return a position as text for ``Page.next``."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def read(text: str, order: Order) -> tuple[Any, ...]:
    """Return the position that ``written`` made; UsageError if the text is none of this order."""
    try:
        values = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != len(order.columns) or not all(map(_fits, order.columns, values)):
        raise UsageError(
            f"after = '{text[:80]}': is no position in this order; take 'next' of a page of the same question"
        )
    return tuple(values)


def _fits(column: str, value: object) -> bool:
    if value is None:
        return column in _MAY_BE_NULL
    if column in _NUMBERS:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return isinstance(value, str)
