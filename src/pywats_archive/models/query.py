"""Queries of the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryFilter:
    """Conditions that must all hold; None is no condition. Both ends of the date range are inclusive.

    The range is over ``conversion_timestamp``: the moment of the latest conversion, or of archiving if there is none.
    """

    from_date: datetime | None = None
    to_date: datetime | None = None
    converter_name: str | None = None
    status: ConversionStatus | None = None
    serial_number: str | None = None
    part_number: str | None = None
    text: str | None = None
    """Words of errors, file names, serial or part numbers; each may be shortened at its end."""
    warned: bool | None = None
    submission: SubmissionState | None = None
    """The submission state of any of its reports."""
    purged: bool | None = None
    """Whether its bytes were purged."""
    newest_first: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[Item]):
    """A slice of an ordered result, and the number of all results."""

    items: tuple[Item, ...]
    total: int
