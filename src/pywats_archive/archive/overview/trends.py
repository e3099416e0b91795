"""Why conversions failed lately, and how long the latest ones took."""

from __future__ import annotations

from datetime import datetime

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import trends
from pywats_archive.models.operation.trends import FailedWith

_LATEST = 1000


def failed_since(archive: Archive, since: datetime) -> list[FailedWith]:
    """Return the errors with which entries failed since then; purged entries are not counted."""
    with archive.read() as db:
        return trends.failed_since(db, since)


def durations(archive: Archive) -> dict[str, list[int]]:
    """Return by converter how long its latest conversions took, a thousand at most, in milliseconds."""
    names = archive.converter_names()
    with archive.read() as db:
        return {name: trends.latest_durations(db, name, limit=_LATEST) for name in names}
