"""When a scheduled converter runs: every so often, or by a cron expression in the station's local time."""

from __future__ import annotations

from datetime import datetime, timedelta

from croniter import croniter

from pywats_archive.errors import ConfigError
from pywats_archive.models.time import later


def first_run(*, interval_s: float | None, cron: str | None, on_startup: bool, now: datetime) -> datetime | None:
    """Return the first moment to run; an interval goes before a cron expression, None when there is neither."""
    return now if on_startup else next_run(interval_s=interval_s, cron=cron, after=now)


def next_run(*, interval_s: float | None, cron: str | None, after: datetime) -> datetime | None:
    """Return the moment to run that follows ``after``; ConfigError when the expression is none."""
    if interval_s:
        return later(after, timedelta(seconds=interval_s))
    if not cron:
        return None
    if not croniter.is_valid(cron):
        raise ConfigError(f"cron_expression '{cron}' is none; write five fields: minute hour day month weekday")
    following: datetime = croniter(cron, after.astimezone()).get_next(datetime)
    return following
