"""When a copy of the catalog is due, and which copies are superseded. Pure: names, times and sizes in, a decision out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

EVERY = timedelta(days=1)
FIRST_AFTER = timedelta(hours=1)
"""The age of the first entry at which the first copy is due."""
DAYS_KEPT = 7
_TIME = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(\d{8}T\d{6}Z)_(before-migration_)?metadata\.db\.gz")
_SPARE_BYTES = 16_000_000


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class CatalogCopy:
    """A copy of the catalog, by its name; ordered by time."""

    at: datetime
    """When it was made, to the second."""
    is_before_migration: bool = False

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.at:{_TIME}}_{'before-migration_' if self.is_before_migration else ''}metadata.db.gz"


def copy_named(name: str) -> CatalogCopy | None:
    """Return the copy with this file name; None if it is not the name of a copy."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        at = datetime.strptime(found[1], _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return CatalogCopy(at=at, is_before_migration=found[2] is not None)


def newest(copies: Iterable[CatalogCopy], *, now: datetime) -> CatalogCopy | None:
    """Return the newest copy until ``now``; None without one. A copy from the future was made while the clock was wrong."""
    return max((each for each in copies if each.at <= now), default=None)


def is_due(copies: Iterable[CatalogCopy], *, first_entry: datetime | None, began: datetime, now: datetime) -> bool:
    """Whether a place with these copies needs one at ``now``, in a service that began its work on the archive at ``began``.

    The first copy is due an hour after the first entry, or at the next start.
    """
    if first_entry is None:
        return False
    last = newest(copies, now=now)
    if last is None:
        return first_entry < began or now - first_entry >= FIRST_AFTER
    return now - last.at >= EVERY


def superseded(copies: Iterable[CatalogCopy], *, now: datetime) -> tuple[CatalogCopy, ...]:
    """Return the copies of a place that are no longer needed, oldest first.

    The newest copy of each of the last seven days that have one stays, and so does the last one before a migration. Copies
    from the future count as the oldest ones: the clock was wrong, and what is copied now must stay.
    """
    ordered = sorted(copies, key=lambda each: (each.at <= now, each))
    newest_of_day = {(each.at <= now, each.at.date()): each for each in ordered}
    kept = {newest_of_day[day] for day in sorted(newest_of_day)[-DAYS_KEPT:]}
    kept.update([each for each in ordered if each.is_before_migration][-1:])
    return tuple(each for each in ordered if each not in kept)


def lack_of_room(*, free_bytes: int, least_bytes: int, catalog_bytes: int) -> str | None:
    """Return why a place has no room for a copy; None if it has.

    The uncompressed copy is there meanwhile. ``least_bytes`` must stay free for everything else.
    """
    needed = 2 * catalog_bytes + _SPARE_BYTES
    if free_bytes - needed >= least_bytes:
        return None
    return (
        f"the copy needs up to {needed / 1e9:.2f} GB meanwhile, and {free_bytes / 1e9:.2f} GB are free, of which "
        f"{least_bytes / 1e9:.2f} GB must stay free"
    )
