"""Why conversions fail, and how long they take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

_OWN = re.compile(r"""'[^']*'|"[^"]*"|\S*[\d/\\]\S*""")
"""What differs between files that fail for the same reason: quoted text, numbers and paths."""
_LONGEST = 200


class FailedFor(NamedTuple):
    """Entries that failed for this reason in one archive."""

    reason: str
    entries: int
    newest_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class FailureReason:
    """A reason why conversions failed, without what differs from file to file."""

    reason: str
    """The first line of the error; ``…`` stands for quoted text, numbers and paths."""
    entries: int
    """Number of entries whose latest conversion failed for it."""
    newest_at: datetime
    """When the newest of them failed."""
    example: str
    """The error of the newest of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversionTimes:
    """How long the latest conversions of a converter took, in milliseconds."""

    converter_name: str
    """The converter."""
    conversions: int
    """Number of these conversions."""
    median_ms: int
    """Half of them took at most this long."""
    slow_ms: int
    """95 % of them took at most this long."""
    longest_ms: int
    """The longest of them."""


def reason_of(error: str) -> str:
    """Return the first line of an error without what differs from file to file, in characters that any text can hold."""
    first = _OWN.sub("…", error.strip().partition("\n")[0][: 5 * _LONGEST])
    plain = first.encode("utf-8", "replace").decode().replace("\0", "…")
    return " ".join(plain.split())[:_LONGEST].strip() or "…"


def added_up(failed: Iterable[FailedFor], *, limit: int) -> tuple[FailedFor, ...]:
    """Add up the archives; return the most frequent reasons, the most frequent first."""
    found: dict[str, FailedFor] = {}
    for each in failed:
        known = found.get(each.reason)
        entries, newest = (known.entries, known.newest_at) if known else (0, each.newest_at)
        found[each.reason] = FailedFor(each.reason, entries + each.entries, max(newest, each.newest_at))
    return tuple(sorted(found.values(), key=lambda each: (-each.entries, each.reason))[:limit])


def times_of(converter_name: str, durations_ms: Sequence[int]) -> ConversionTimes:
    """Return the figures of some durations, of which there is at least one."""
    ordered = sorted(durations_ms)
    return ConversionTimes(
        converter_name=converter_name,
        conversions=len(ordered),
        median_ms=ordered[(len(ordered) - 1) // 2],
        slow_ms=ordered[(len(ordered) - 1) * 95 // 100],
        longest_ms=ordered[-1],
    )
