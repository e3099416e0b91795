"""The pages of a plant as their addresses say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import ClassVar

from pywats_archive.errors import UsageError
from pywats_archive.models.plant.entry import PlantFilter
from pywats_archive.models.plant.station import PlantStation
from pywats_archive.web.views.address import ArchiveView, PageView

SPANS = {"1": "Today", "7": "7 days", "30": "30 days", "365": "A year", "all": "All"}
GROUPS = {"converter": "Converters", "part": "Part numbers"}
_SEARCHED = ("q", "error")
_PATTERNS = ("serial", "part", "process")
_WILDCARDS = "*?%"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantView(ArchiveView):
    """The fields of the Archives page: those of a station, and those that only a plant has."""

    station: str = ""
    process: str = ""
    error: str = ""

    def wanted(self) -> PlantFilter:
        """Return the filter; UsageError names the field that cannot be used."""
        own = ArchiveView.wanted(self)
        return PlantFilter(
            **{each.name: getattr(own, each.name) for each in fields(own)},
            station=self.station or None,
            process=self.process.replace("%", "*") or None,
            error=self.error or None,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class OverviewView(PageView):
    """The fields of the Overview."""

    POSITION: ClassVar[str] = "position"

    days: str = "30"
    """Since when entries are compared."""
    by: str = "converter"
    position: str = ""

    def since(self, today: date) -> date | None:
        """Return the first day; None for all. UsageError for an unknown field."""
        if self.days not in SPANS:
            raise UsageError(f"days '{self.days[:80]}' is unknown; choose from {', '.join(SPANS)}")
        if self.by not in GROUPS:
            raise UsageError(f"by '{self.by[:80]}' is unknown; choose from {', '.join(GROUPS)}")
        return None if self.days == "all" else today - timedelta(days=int(self.days) - 1)


def is_search(query: Mapping[str, str]) -> bool:
    """Return whether texts are searched, which may take long, instead of what the index is sorted by."""
    given = {name: query.get(name, "") for name in (*_SEARCHED, *_PATTERNS)}
    return any(given[name] for name in _SEARCHED) or any(
        wildcard in given[name] for name in _PATTERNS for wildcard in _WILDCARDS
    )


def key_of(station: PlantStation, others: Iterable[PlantStation]) -> str:
    """Return what an address calls a station: its name if that is plain and no other has it, else its archive's uuid."""
    name = station.station
    is_own = name.isprintable() and name and not set(name) & set(_WILDCARDS)
    alike = sum(each.station.casefold() == name.casefold() for each in others)
    return name if is_own and alike == 1 else station.archive_uuid
