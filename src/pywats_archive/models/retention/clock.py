"""What is known about the time: a reading of the clocks, and the last trusted moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from pywats_archive.models.time import UTC

DAY = timedelta(days=1)
UNTIL_THE_END = datetime.max.replace(tzinfo=UTC)
"""Stands for the end of an ongoing doubt: later than anything."""
FULL_CREDIT_S = DAY.total_seconds()


class Voucher(str, Enum):
    """Who last confirmed the clock."""

    NOBODY = "nobody"
    SERVER = "server"
    PERSON = "person"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """The machine's clocks at one moment."""

    wall: datetime
    boot_id: str
    """Identifies the start of the machine."""
    uptime_s: float
    """Since that start, including sleep."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The last trusted moment, as the catalog stores it; later moments are derived from it."""

    at: datetime
    """What the clock should have shown at ``uptime_s``."""
    boot_id: str
    uptime_s: float
    credit_s: float = FULL_CREDIT_S
    """How much time with the machine off may still be trusted without confirmation."""
    voucher: Voucher = Voucher.NOBODY
    is_disputed: bool = False
    """The server contradicted the clock, or an earlier version doubted it; stays until the server or a person agrees."""
    doubted_since: datetime | None = None
    """What the clock showed when the doubt began; None while the clock is trusted."""
    doubted_after: int | None = None
    """The newest entry at that moment (``entry_no``): the age of later ones is unknown."""
    vouched_upto: int | None = None
    """The newest entry when the server or a person last confirmed the clock, or when its record began; None if not recorded."""


def first_known(reading: Reading, *, recorded_until: datetime | None, is_disputed: bool = False) -> Known:
    """Return what is known about the time in an archive without a record of it.

    ``recorded_until``: when its history ends. The clock is trusted if it is at most a day from that. Otherwise the end of
    the history is the last trusted moment, and the clock is checked against it.
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
    """Entries that were received during a clock doubt: their ids do not say when."""

    after_entry: int
    """Their ``entry_no`` is above this one,"""
    upto_entry: int
    """and not above this one."""
    received_by: datetime
    """When the doubt ended: they count as received then."""
