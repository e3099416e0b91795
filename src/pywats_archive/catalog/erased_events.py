"""Events whose details were erased: a later event names each with a digest of its row, so that the chain stays verifiable.

The hash of an event covers its details, so that it cannot be computed without them. It stays in the row, and the next event
continues from it. In place of the erased values, the details have ``erased``: the number of the later event. That event's
details have ``events``, an object of numbers and digests, which its own hash covers.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

OF_ENTRY, OF_NONE = "entry.erased", "events.erased"
"""The kinds of the events that name erased ones: those of an entry, and those that concern no single entry."""
MARK, NAMED = "erased", "events"
QUERY = f"SELECT details FROM events WHERE sequence = ? AND kind IN ('{OF_ENTRY}', '{OF_NONE}')"
_BYTES = 24


def row_digest(row: Sequence[Any]) -> str:
    """Return the digest of an erased event's row, as 32 characters of base64.

    It is the first 192 bits of the SHA-256 of the JSON array ``[sequence, kind, at, archive_id, actor, details, bound_rows,
    previous_hash, hash]``: every column as it is stored, no spaces, ASCII.
    """
    text = json.dumps(list(row), separators=(",", ":"))
    return b2a_base64(hashlib.sha256(text.encode("ascii")).digest()[:_BYTES], newline=False).decode("ascii")


class Erasures:
    """Tells erased events from altered ones; ``details_of`` returns the details of an event that names erased ones."""

    def __init__(self, details_of: Callable[[int], Any]) -> None:
        self._details_of = details_of
        self._last: tuple[int, Mapping[str, Any]] = (0, {})
        self.found = 0
        """How many erased events were proved."""

    def prove(self, row: Sequence[Any]) -> bool:
        """Whether a later event names exactly this row as erased; that event's own hash is checked where it stands."""
        with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError, sqlite3.Error):
            later = json.loads(row[5])[MARK]
            if type(later) is int and later > row[0] and self._named_in(later).get(str(row[0])) == row_digest(row):
                self.found += 1
                return True
        return False

    def _named_in(self, sequence: int) -> Mapping[str, Any]:
        if self._last[0] != sequence:
            details = self._details_of(sequence)
            self._last = (sequence, json.loads(details)[NAMED] if details is not None else {})
        return self._last[1]
