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


class FailedWith(NamedTuple):
    """Entries that failed with exactly this error."""

    error: str
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

    @property
    def words(self) -> str:
        """The words that the full-text search finds these entries by."""
        return " ".join(word for word in self.reason.replace("…", " ").split() if any(map(str.isalnum, word)))


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
    """Return the first line of an error without what differs from file to file."""
    first = error.strip().partition("\n")[0][: 5 * _LONGEST]
    return _OWN.sub("…", first)[:_LONGEST].strip() or "…"


def grouped(failed: Iterable[FailedWith], *, limit: int) -> tuple[FailureReason, ...]:
    """Return the most frequent reasons, the most frequent first."""
    groups: dict[str, list[FailedWith]] = {}
    for each in failed:
        groups.setdefault(reason_of(each.error), []).append(each)
    found = [_reason(reason, group) for reason, group in groups.items()]
    return tuple(sorted(found, key=lambda each: (-each.entries, each.reason))[:limit])


def _reason(reason: str, group: Sequence[FailedWith]) -> FailureReason:
    newest = max(group, key=lambda each: each.newest_at)
    entries = sum(each.entries for each in group)
    return FailureReason(reason=reason, entries=entries, newest_at=newest.newest_at, example=newest.error)


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
