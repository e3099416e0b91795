"""Whether the clock can be trusted, since a purge by age with a wrong clock cannot be undone.

Trusted time is time during which the machine ran, or that the server or a person confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pywats_archive.models.retention.clock import DAY, FULL_CREDIT_S, Known, Reading, Voucher

TOLERANCE = DAY
"""How far the clock may be, in all, from the running time since it was last confirmed."""
CREDIT_PER_S = 8.0
"""How much switched-off time may be trusted for each second of running time, up to a day in all: a computer that
runs three hours a day has its nights, and a clock that is set ahead at each start gains no more than a day."""
SERVER_AGREES_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trust:
    """How far the clock is trusted at one moment."""

    known: Known
    """The record to store."""
    now: datetime
    """The moment by which ages are counted while there is no doubt: never later than the time that has passed."""
    doubt: str | None
    """Why nothing may be purged by age; None while the clock is trusted."""


def judge(known: Known, reading: Reading, *, server: datetime | None = None) -> Trust:
    """Decide whether the clock is trusted; ``server`` is the server's time now, if known."""
    if server is not None and abs(reading.wall - server) <= SERVER_AGREES_WITHIN:
        return Trust(known=vouched(reading, Voucher.SERVER), now=reading.wall, doubt=None)
    carried = _carried(known, reading)
    off = reading.wall - carried.at
    has_jumped = abs(off) > TOLERANCE
    is_overruled = carried.voucher is Voucher.PERSON and not has_jumped
    contradicts = server is not None and abs(reading.wall - server) > TOLERANCE
    is_disputed = (carried.is_disputed or contradicts) and not is_overruled
    doubt = _doubt(reading, carried.at, server if contradicts else None) if has_jumped or is_disputed else None
    since = (carried.doubted_since or reading.wall) if doubt else None
    kept = replace(
        carried,
        is_disputed=is_disputed,
        doubted_since=since,
        doubted_after=carried.doubted_after if doubt else None,
    )
    return Trust(known=kept, now=min(reading.wall, carried.at), doubt=doubt)


def vouched(reading: Reading, voucher: Voucher) -> Known:
    """Return the record after the server or a person confirmed the clock."""
    return Known(at=reading.wall, boot_id=reading.boot_id, uptime_s=reading.uptime_s, voucher=voucher)


def _carried(known: Known, reading: Reading) -> Known:
    """Advance the trusted time to this moment by the time that the machine ran since.

    The machine may have been off before another start of it: that time is trusted as far as its credit goes, and nothing
    of a longer time. An archive that came from another machine may be younger than the start of this one.
    """
    is_same_start = reading.boot_id == known.boot_id and reading.uptime_s >= known.uptime_s
    since_s = (reading.wall - known.at).total_seconds()
    lived_s = reading.uptime_s - known.uptime_s if is_same_start else min(max(since_s, 0.0), reading.uptime_s)
    at = known.at + timedelta(seconds=lived_s)
    credit_s = min(FULL_CREDIT_S, known.credit_s + CREDIT_PER_S * lived_s)
    off_s = (reading.wall - at).total_seconds()
    if not is_same_start and 0 < off_s <= FULL_CREDIT_S and known.doubted_since is None:
        granted_s = min(off_s, credit_s)
        at, credit_s = at + timedelta(seconds=granted_s), credit_s - granted_s
    return replace(known, at=at, boot_id=reading.boot_id, uptime_s=reading.uptime_s, credit_s=credit_s)


def _doubt(reading: Reading, expected: datetime, server: datetime | None) -> str:
    off = reading.wall - expected
    reasons = [f"the clock says {_formatted(reading.wall)}"]
    if abs(off) > TOLERANCE:
        reasons.append(f"{_formatted(expected)} was expected from the time that the machine has run since")
    if server is not None:
        reasons.append(f"the server says {_formatted(server)}")
    if len(reasons) == 1:
        reasons.append("it was contradicted, and nobody has confirmed it since")
    return (
        f"{', '.join(reasons)}: nothing is purged by age. Correct the clock; if it is right, confirm it with "
        "'pywats-archive purge --confirm-clock'"
    )


def _formatted(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
