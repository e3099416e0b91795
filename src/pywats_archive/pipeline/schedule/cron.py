"""When a scheduled converter runs: at an interval, or by a cron expression in the station's local time."""

from __future__ import annotations

from datetime import datetime, timedelta

from croniter import croniter

from pywats_archive.errors import ConfigError
from pywats_archive.models.time import later


def first_run(*, interval_s: float | None, cron: str | None, on_startup: bool, now: datetime) -> datetime | None:
    """Return the time of the first run; an interval takes precedence over a cron expression. None with neither."""
    return now if on_startup else next_run(interval_s=interval_s, cron=cron, after=now)


def next_run(*, interval_s: float | None, cron: str | None, after: datetime) -> datetime | None:
    """Return the time of the next run after ``after``; ConfigError when the expression is invalid."""
    if interval_s:
        return later(after, timedelta(seconds=interval_s))
    if not cron:
        return None
    if not croniter.is_valid(cron):
        raise ConfigError(f"invalid cron_expression '{cron}'; use five fields: minute hour day month weekday")
    following: datetime = croniter(cron, after.astimezone()).get_next(datetime)
    return following
