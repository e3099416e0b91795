"""Converters that read other sources of their watch folder: a warning, since each such source is archived once more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pywats_archive.conversion.source_log import log_of
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.pipeline.lanes.lane import Lane

_NAMED = 3


class Neighbours:
    """The converters that were warned about since the service started; safe to use from many threads."""

    def __init__(self) -> None:
        self._warned: set[str] = set()

    def with_warning(self, lane: Lane, arrival: Arrival, result: ConversionResult) -> ConversionResult:
        """Return a result, with a warning the first time that its converter reads other sources."""
        if lane.name in self._warned or lane.config.converter_type == "folder":
            return result
        path = arrival.path
        found = others(path, (each for each in result.opened_paths if each != path and lane.listing.matches(each)))
        if not found:
            return result
        self._warned.add(lane.name)
        log_of(arrival).warning("converter.reads_neighbours", read=found[:_NAMED], files=len(found))
        return replace(result, warnings=(*result.warnings, warning(found)))


def others(path: str, opened: Iterable[str]) -> tuple[str, ...]:
    """Return the names of opened files in the folder of a source, except the source itself."""
    own = Path(path)
    return tuple(sorted(each.name for each in map(Path, opened) if each.parent == own.parent and each != own))


def warning(names: tuple[str, ...]) -> str:
    """Return the warning about a converter that reads other sources, with what to do."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (
        f"the converter reads other sources of its watch folder ({', '.join(names[:_NAMED])}{more}): a replay may "
        "find other ones, and each is archived as a companion too; change the converter to read only its own source"
    )
