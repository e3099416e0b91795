"""Points in time: aware everywhere, UTC inside; a naive one from a caller is the station's local time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone

UTC = timezone.utc
Clock = Callable[[], datetime]
FIRST_NS, LAST_NS = -(2**63), 2**63 - 1
"""The first and the last nanosecond, counted from 1970, that the catalog's 64 bits hold: in the years 1677 and 2262."""


def utc_now() -> datetime:
    """Give the present moment, aware, in UTC."""
    return datetime.now(UTC)


def as_utc(moment: datetime) -> datetime:
    """Turn ``moment`` to UTC; a naive one is taken as the station's local time.

    One that the calendar does not reach (before 1970 on Windows, a day from its first or last year) is taken as UTC.
    """
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        return moment.replace(tzinfo=UTC)


def start_of(bound: date | datetime) -> datetime:
    """Give the first moment of ``bound``: itself, or local midnight of a date."""
    if isinstance(bound, datetime):
        return as_utc(bound)
    return as_utc(datetime.combine(bound, time.min))


def end_of(bound: date | datetime) -> datetime:
    """Give the last moment of ``bound``, inclusive: itself, or the end of all of that day."""
    if isinstance(bound, datetime):
        return as_utc(bound)
    if bound == date.max:
        return datetime.max.replace(tzinfo=UTC)
    return as_utc(datetime.combine(bound + timedelta(days=1), time.min)) - timedelta(microseconds=1)


def storable_ns(moment_ns: int) -> int:
    """Return a file's time as the catalog holds it: itself, or the first or last nanosecond that it can hold."""
    return moment_ns if FIRST_NS <= moment_ns <= LAST_NS else min(max(moment_ns, FIRST_NS), LAST_NS)


def later(moment: datetime, delay: timedelta) -> datetime:
    """Return the moment after a delay, or the first or last that there is."""
    try:
        return moment + delay
    except OverflowError:
        return (datetime.max if delay > timedelta() else datetime.min).replace(tzinfo=moment.tzinfo)
