"""Figures of a plant: how often conversions and units fail, by converter or part number, station beside station."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantRate:
    """What a station has of one converter, or of one part number."""

    station: str
    """The computer."""
    archive_uuid: str
    """Its archive."""
    name: str | None
    """The converter or the part number; None for entries without one."""
    entries: int
    """How many entries match."""
    failed: int
    """How many of them failed to convert."""
    units: int
    """How many entries have a result of their units."""
    units_failed: int
    """How many of these did not pass: failed, terminated, or with an error."""

    @property
    def failed_percent(self) -> float | None:
        """The units that did not pass, of all with a result; None without any."""
        return 100 * self.units_failed / self.units if self.units else None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantFigures:
    """The figures of a plant."""

    by: str
    """What they are grouped by, beside the station: ``converter`` or ``part``."""
    rates: tuple[PlantRate, ...]
    """One for each station and name."""
