"""What is known of the time: a reading of the clocks, and the last moment that was believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from pywats_archive.models.time import UTC

DAY = timedelta(days=1)
UNTIL_THE_END = datetime.max.replace(tzinfo=UTC)
"""In place of the end of a doubt that goes on: later than anything."""
FULL_CREDIT_S = DAY.total_seconds()


class Voucher(str, Enum):
    """Who said last that the clock was right."""

    NOBODY = "nobody"
    SERVER = "server"
    PERSON = "person"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What the clocks of this machine say at one moment."""

    wall: datetime
    boot_id: str
    """Which start of the machine it is."""
    uptime_s: float
    """Since that start, including sleep."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The last moment that was believed, as the catalog keeps it; whatever is believed later builds on it."""

    at: datetime
    """What the clock should have said at ``uptime_s``."""
    boot_id: str
    uptime_s: float
    credit_s: float = FULL_CREDIT_S
    """How much time in which the machine was off may still be believed without anybody's word."""
    voucher: Voucher = Voucher.NOBODY
    is_disputed: bool = False
    """The server contradicted the clock, or an earlier version doubted it; stays until the server or a person agrees."""
    doubted_since: datetime | None = None
    """What the clock said when the doubt began; None while the clock is believed."""
    doubted_after: int | None = None
    """The newest entry at that moment (``entry_no``): those after it have an age that nobody knows."""


def first_known(reading: Reading, *, recorded_until: datetime | None, is_disputed: bool = False) -> Known:
    """Return what is known of the time in an archive that has no record of it yet.

    ``recorded_until``: when its history ends. The clock is believed when it is no more than a day from that; otherwise
    what was recorded is kept as the last moment that was believed, and the clock is judged against it.
    """
    is_near = recorded_until is None or abs(reading.wall - recorded_until) <= DAY
    return Known(
        at=reading.wall if recorded_until is None or is_near else recorded_until,
        boot_id=reading.boot_id,
        uptime_s=reading.uptime_s,
        credit_s=FULL_CREDIT_S if recorded_until is None else 0.0,
        is_disputed=is_disputed,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Misdated:
    """Entries that were received while the clock was doubted: their ids do not say when that was."""

    after_entry: int
    """Their ``entry_no`` is above this one,"""
    upto_entry: int
    """and not above this one."""
    received_by: datetime
    """When the doubt ended: they count as received then."""
