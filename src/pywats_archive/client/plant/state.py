"""``PlantState``: one state of an index, for several questions about it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.errors import UsageError
from pywats_archive.models.plant.entry import PlantEntry, PlantEntryDetails, PlantFilter
from pywats_archive.models.plant.figures import PlantFigures
from pywats_archive.models.plant.station import PlantStation, PlantStations
from pywats_archive.models.query import Page
from pywats_archive.models.time import utc_now

if TYPE_CHECKING:
    from pywats_archive.plant.searching import Index

SILENT_AFTER = timedelta(hours=26)
"""A service ships something every day, even if nothing is tested: its own daily checks are events."""


class PlantState:
    """An open index; ``Plant.read`` lends it."""

    def __init__(self, index: Index) -> None:
        self._index = index

    @property
    def vault(self) -> str:
        """The address of the vault, without secrets."""
        return self._index.manifest.vault

    def find(
        self, wanted: PlantFilter, *, limit: int = 100, offset: int = 0, after: str | None = None
    ) -> Page[PlantEntry]:
        """Return a page of the entries that match; ``after`` is ``next`` of the page before, also of an earlier state."""
        from pywats_archive.plant.searching import find

        limit, offset = arguments.whole(limit, "limit", least=1), arguments.whole(offset, "offset")
        return find(self._index, checked(wanted), limit=limit, offset=offset, after=after)

    def details(self, archive_uuid: str, archive_id: str) -> PlantEntryDetails:
        """Return an entry of one archive with its reports; UnknownEntry if the index has none."""
        from pywats_archive.plant.searching import details, entry_of

        return details(self._index, entry_of(self._index, archive_uuid, archive_id))

    def entry(self, archive_uuid: str, archive_id: str) -> PlantEntry:
        """Return an entry of one archive; UnknownEntry if the index has none."""
        from pywats_archive.plant.searching import entry_of

        return entry_of(self._index, archive_uuid, archive_id)

    def known_stations(self) -> tuple[PlantStation, ...]:
        """Return the stations by name, without figures of their entries."""
        from pywats_archive.plant.stations import known

        return known(self._index, now=utc_now(), silent_after=SILENT_AFTER)

    def converters(self) -> list[str]:
        """Return the names of all converters."""
        from pywats_archive.plant.searching import converters

        return converters(self._index)

    def statistics(self, wanted: PlantFilter, *, by: str = "converter") -> PlantFigures:
        """Return how often conversions and units fail, by station, and ``converter`` or ``part``; of the entries that match."""
        from pywats_archive.plant.figures import GROUPS, figures

        if by not in GROUPS:
            raise UsageError(f"by = {by!r}: use one of {', '.join(GROUPS)}")
        return figures(self._index, checked(wanted), by=by)

    def stations(self, *, silent_after: timedelta = SILENT_AFTER) -> PlantStations:
        """Return how far the vault has each archive, its problems, and its converters."""
        from pywats_archive.plant.stations import stations

        return stations(self._index, now=utc_now(), silent_after=silent_after)


def checked(wanted: PlantFilter) -> PlantFilter:
    """Return a filter whose fields are as a station wants them; UsageError names one that is not."""
    for name in ("station", "error", "process"):
        if (value := getattr(wanted, name)) is not None:
            arguments.text(value, name, may_be_empty=True)
    found = arguments.entry_filter(wanted)
    assert isinstance(found, PlantFilter)
    return found
