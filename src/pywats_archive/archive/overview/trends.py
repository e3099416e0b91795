"""Why conversions failed lately, and how long the latest ones took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import trends
from pywats_archive.models.operation.trends import FailedFor, FailureReason, added_up

_LATEST = 1000


def failure_reasons(archives: Sequence[Archive], since: datetime, *, limit: int) -> tuple[FailureReason, ...]:
    """Return why entries failed since then, the most frequent reason first; purged entries are not counted."""
    failed = chain.from_iterable(_failed_since(each, since) for each in archives)
    return tuple(
        FailureReason(
            reason=each.reason,
            entries=each.entries,
            newest_at=each.newest_at,
            example=max(_newest_error(archive, each.reason) for archive in archives)[1],
        )
        for each in added_up(failed, limit=limit)
    )


def received(archives: Sequence[Archive], since: datetime) -> dict[str, int]:
    """Return by converter how many sources were archived since then."""
    total: dict[str, int] = {}
    for archive in archives:
        with archive.read() as db:
            for name, number in trends.received(db, since):
                total[name] = total.get(name, 0) + number
    return dict(sorted(total.items()))


def durations(archive: Archive) -> dict[str, list[int]]:
    """Return by converter how long its latest conversions took, a thousand at most, in milliseconds."""
    names = archive.converter_names()
    with archive.read() as db:
        return {name: trends.latest_durations(db, name, limit=_LATEST) for name in names}


def _failed_since(archive: Archive, since: datetime) -> list[FailedFor]:
    with archive.read() as db:
        return trends.failed_since(db, since)


def _newest_error(archive: Archive, reason: str) -> tuple[str, str]:
    with archive.read() as db:
        return trends.newest_error(db, reason)
