"""Converters that read other sources of their watch folder: that is told once, for each of those is archived once more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import structlog

from pywats_archive.models.conversion import ConversionResult
from pywats_archive.pipeline.line import Line

log = structlog.get_logger()

_NAMED = 3


class Neighbours:
    """Knows of which converters it was told since the service started; safe to use from many threads."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def told(self, line: Line, path: str, result: ConversionResult) -> ConversionResult:
        """Return a result with a warning where its converter is the first time seen to read other sources."""
        if line.name in self._told or line.config.converter_type == "folder":
            return result
        found = others(path, (each for each in result.opened_paths if each != path and line.matches(each)))
        if not found:
            return result
        self._told.add(line.name)
        log.warning("converter.reads_neighbours", converter=line.name, path=path, read=found[:_NAMED], files=len(found))
        return replace(result, warnings=(*result.warnings, warning(found)))


def others(path: str, opened: Iterable[str]) -> tuple[str, ...]:
    """Return the names of opened files that lie in the folder of a source, and are not the source."""
    own = Path(path)
    return tuple(sorted(each.name for each in map(Path, opened) if each.parent == own.parent and each != own))


def warning(names: tuple[str, ...]) -> str:
    """Say that a converter reads other sources of its watch folder, and what to do."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (
        f"the converter reads other sources of its watch folder ({', '.join(names[:_NAMED])}{more}): a replay may see others, "
        "and each is archived as a companion too; let it read its own source alone"
    )
