"""Queries of the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Generic, TypeVar

from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState, UnitResult

Item = TypeVar("Item")


MOST_CHOSEN = 10_000
"""The most entries that are named, or sent, at once."""
COUNTED = 10_000
"""The most matches that are counted; beyond that, a page only says that there are more."""


class SortKey(str, Enum):
    """The field by which entries are sorted; those that lack a value come last, in both directions."""

    TIME = "time"
    """``conversion_timestamp``; with a text, the moment of archiving."""
    SERIAL = "serial"
    SIZE = "size"
    """Of the source."""
    DURATION = "duration"
    """Of the latest conversion."""
    RESULT = "result"


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryFilter:
    """Conditions that must all hold; None is no condition. Both ends of the date range are inclusive.

    The range is over ``conversion_timestamp``: the moment of the latest conversion, or of archiving if there is none.
    A moment without a time zone is local time.
    """

    from_date: date | None = None
    """A moment, or a date: its first moment."""
    to_date: date | None = None
    """A moment, or a date: all of that day."""
    converter_name: str | None = None
    status: ConversionStatus | None = None
    result: UnitResult | None = None
    """The worst result of its units."""
    serial_number: str | None = None
    """Of any of its reports, without regard to case; ``*`` stands for any characters, ``?`` for one."""
    part_number: str | None = None
    """As ``serial_number``."""
    text: str | None = None
    """Words of errors, file names, serial or part numbers; each may be shortened at its end."""
    archive_ids: tuple[str, ...] | None = None
    """Only these entries; an id that no entry has is no error."""
    failure_reason: str | None = None
    """Why the latest conversion failed, as ``Client.failure_reasons`` returns it."""
    warned: bool | None = None
    submission: SubmissionState | None = None
    """The submission state of any of its reports."""
    purged: bool | None = None
    """Whether its bytes were purged."""
    sort: SortKey = SortKey.TIME
    newest_first: bool = True
    """Descending: the newest, greatest or longest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[Item]):
    """A slice of an ordered result, and the number of all results."""

    items: tuple[Item, ...]
    total: int
    total_is_exact: bool = True
    """False if there are more than ``total``."""
    next: str | None = None
    """Where the next page begins: the ``after`` of the next call. None at the end."""
