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
from dataclasses import dataclass, replace
from typing import Any

OF_ENTRY, OF_NONE = "entry.erased", "events.erased"
"""The kinds of the events that name erased ones: those of an entry, and those that concern no single entry."""
MARK, NAMED = "erased", "events"
QUERY = f"SELECT details, kind, archive_id, at, actor FROM events WHERE sequence = ? AND kind IN ('{OF_ENTRY}', '{OF_NONE}')"
_BYTES = 24


def row_digest(row: Sequence[Any]) -> str:
    """Return the digest of an erased event's row, as 32 characters of base64.

    It is the first 192 bits of the SHA-256 of the JSON array ``[sequence, kind, at, archive_id, actor, details, bound_rows,
    previous_hash, hash]``: every column as it is stored, no spaces, ASCII.
    """
    text = json.dumps(list(row), separators=(",", ":"))
    return b2a_base64(hashlib.sha256(text.encode("ascii")).digest()[:_BYTES], newline=False).decode("ascii")


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """An event that names erased ones."""

    kind: str
    archive_id: str | None
    at: str
    actor: str
    reason: str | None
    digests: Mapping[str, Any]


class Erasures:
    """Tells erased events from altered ones; ``naming`` returns the row of ``QUERY`` of an event, None if there is none."""

    def __init__(self, naming: Callable[[int], Sequence[Any] | None]) -> None:
        self._naming = naming
        self._last: tuple[int, Naming | None] = (0, None)
        self.found: dict[int, tuple[Naming, int]] = {}
        """By the number of the event that names them, how many erased events were proved."""

    def prove(self, row: Sequence[Any]) -> bool:
        """Whether a later event names exactly this row as erased; that event's own hash is checked where it stands."""
        with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError, sqlite3.Error):
            later = json.loads(row[5])[MARK]
            if type(later) is int and later > row[0] and (naming := self._named_by(later)) and _names(naming, row):
                self.found[later] = replace(naming, digests={}), self.found.get(later, (None, 0))[1] + 1
                return True
        return False

    def _named_by(self, sequence: int) -> Naming | None:
        if self._last[0] != sequence:
            self._last = (sequence, None)
            if row := self._naming(sequence):
                details, kind, archive_id, at, actor = row
                known = json.loads(details)
                reason = known.get("reason")
                self._last = (
                    sequence,
                    Naming(
                        kind=kind,
                        archive_id=archive_id,
                        at=at,
                        actor=actor,
                        reason=reason if isinstance(reason, str) else None,
                        digests=known[NAMED],
                    ),
                )
        return self._last[1]


def _names(naming: Naming, row: Sequence[Any]) -> bool:
    """Whether an event names this row; that of an entry's erasure only events of this entry."""
    is_of_entry = naming.kind != OF_ENTRY or naming.archive_id == row[3]
    return is_of_entry and naming.digests.get(str(row[0])) == row_digest(row)
