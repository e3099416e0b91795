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


def brief(moment: datetime | None, *, now: datetime, utc: bool = False) -> str:
    """Write a moment to the minute: 'today 14:02', 'yesterday 14:02', or with its date; in UTC with a Z."""
    if moment is None:
        return "-"
    try:
        local, today = (moment if utc else moment.astimezone()), now.astimezone().date()
    except (OverflowError, ValueError, OSError):
        return moment.isoformat(" ", timespec="minutes")
    if utc:
        return f"{local.astimezone(UTC):%Y-%m-%d %H:%MZ}"
    days = {today: "today", today - timedelta(days=1): "yesterday"}
    return f"{days.get(local.date()) or local.date().isoformat()} {local:%H:%M}"


def when(moment: datetime | None) -> str:
    """Write a moment in the station's local time, or in its own where the local calendar does not reach."""
    if moment is None:
        return "-"
    try:
        return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return moment.isoformat(" ", timespec="seconds")


def duration(milliseconds: int | None) -> str:
    """Write a duration: 12 ms, 1.25 s, 3 min 5 s; a dash for none."""
    if milliseconds is None:
        return "-"
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.3g} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
