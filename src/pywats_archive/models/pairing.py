"""Reports of one entry as tests that can be compared, and the decision about each new report (invariant 14)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from pywats_archive.models.time import UTC

_PLACEHOLDERS = frozenset({"unknown", "n/a", "none", "null", "undefined"})
"""What converters write for a missing serial number; any text without a letter or digit counts too."""
CORRECTABLE = ("part", "operation", "start")
"""What a fixed converter may correct in a report of the same test."""


class Described(Protocol):
    """What identifies a test, as a report or a summary has it."""

    @property
    def serial_number(self) -> str | None: ...
    @property
    def part_number(self) -> str | None: ...
    @property
    def process(self) -> str | None: ...
    @property
    def start_time(self) -> str | None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """What identifies a test, in comparable form; None: unknown."""

    unit: str | None
    part: str | None = None
    operation: str | None = None
    start: str | None = None

    @classmethod
    def of(cls, keys: Described) -> Keys:
        """Return the keys of a report or a summary."""
        unit = _plain(keys.serial_number)
        is_named = unit is not None and unit not in _PLACEHOLDERS and any(letter.isalnum() for letter in unit)
        return cls(
            unit=unit if is_named else None,
            part=_plain(keys.part_number),
            operation=_plain(keys.process),
            start=_moment(keys.start_time),
        )

    def contradicts(self, other: Keys) -> bool:
        """Whether a key other than the unit is known on both sides and differs."""
        pairs = ((getattr(self, key), getattr(other, key)) for key in CORRECTABLE)
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """A report id of an entry that a new report may continue, with the test that the server has, or gets, under it."""

    report_id: str
    keys: Keys
    is_sent: bool = True
    """Whether the server may have it; a report that it never got needs no successor, and no person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class New:
    """A report of the new conversion."""

    ordinal: int
    keys: Keys
    own_id: str | None = None
    """The converter's own id."""


class Link(str, Enum):
    """How a new report relates to the earlier ones."""

    SAME = "same"
    """It continues one, under its id."""
    NEW = "new"
    """It continues none, and gets a new id."""
    AMBIGUOUS = "ambiguous"
    """A person must decide which one it continues, if any; it is not sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The decision about one new report, and why."""

    ordinal: int
    link: Link
    reason: str
    report_id: str | None = None
    """The id that it continues, if any."""
    is_sent: bool = False
    """Whether the server may have a report under that id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairing:
    """The decisions about all reports of a conversion."""

    pairs: tuple[Pair, ...] = ()
    """In the order of the new reports."""
    no_successor: tuple[Earlier, ...] = ()
    """Reports that the server may have and no new one continues; they stay there."""
    undecided: tuple[Earlier, ...] = ()
    """Reports that an ambiguous one may continue."""

    @property
    def earlier_ids(self) -> tuple[str, ...]:
        """All report ids that may be continued, whatever is decided about them."""
        others = (each.report_id for each in (*self.no_successor, *self.undecided))
        return (*(pair.report_id for pair in self.pairs if pair.report_id), *others)

    @property
    def ambiguity(self) -> str | None:
        """Why a person must decide, in one line; None if nobody must."""
        reasons = Counter(pair.reason for pair in self.pairs if pair.link is Link.AMBIGUOUS)
        return "; ".join(reasons) or None


def _plain(text: str | None) -> str | None:
    return (text or "").strip().casefold() or None


def _moment(text: str | None) -> str | None:
    """Return a time in comparable form: in UTC if it has a zone, else as it is."""
    plain = _plain(text)
    try:
        moment = datetime.fromisoformat((plain or "").upper().replace("Z", "+00:00"))
        return (moment.astimezone(UTC) if moment.tzinfo else moment).isoformat()
    except (ValueError, OverflowError):
        return plain
