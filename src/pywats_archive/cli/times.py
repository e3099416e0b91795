"""Times as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta

from pywats_archive.models.time import UTC


def exact(moment: datetime | None, *, now: datetime) -> str:
    """Write a moment to the second, as ``brief`` does otherwise; a dash for none."""
    if moment is None:
        return "-"
    try:
        return f"{brief(moment, now=now)}:{moment.astimezone():%S}"
    except (OverflowError, ValueError, OSError):
        return brief(moment, now=now)


def brief(moment: datetime, *, now: datetime, utc: bool = False) -> str:
    """Write a moment to the minute: 'today 14:02', 'yesterday 14:02', or with its date; in UTC with a Z."""
    try:
        local, today = (moment if utc else moment.astimezone()), now.astimezone().date()
    except (OverflowError, ValueError, OSError):
        return moment.isoformat(" ", timespec="minutes")
    if utc:
        return f"{local.astimezone(UTC):%Y-%m-%d %H:%MZ}"
    days = {today: "today", today - timedelta(days=1): "yesterday"}
    return f"{days.get(local.date()) or local.date().isoformat()} {local:%H:%M}"
