"""How long wrong passwords shut out a user or an address; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

FREE_OF_ADDRESS = 5
FREE_OF_USER = 10
"""More than for an address, so that one stranger alone cannot lock a user out."""
_FIRST, _LONGEST = timedelta(seconds=30), timedelta(minutes=15)
_FORGOTTEN = timedelta(days=1)
_OWN_PART = 64
"""Bits of an IPv6 address that a network has; a computer chooses the others as it likes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tries:
    """The wrong passwords of one user, or from one address."""

    failed: int
    last_at: datetime


def after_failure(before: Tries | None, now: datetime) -> Tries:
    """Count one more wrong password; a day without any forgets the earlier ones."""
    is_known = before is not None and now - before.last_at < _FORGOTTEN
    return Tries(failed=(before.failed if before and is_known else 0) + 1, last_at=now)


def taken_back(tries: Tries | None) -> Tries | None:
    """Return the tries without one that was no failure."""
    return replace(tries, failed=tries.failed - 1) if tries and tries.failed > 1 else None


def wait(tries: Tries | None, now: datetime, *, free: int) -> timedelta:
    """Return how long no password is checked: from ``free`` failures on 30 s, twice as long each time, 15 min at most."""
    if tries is None or tries.failed < free:
        return timedelta()
    length = min(_FIRST * (1 << min(tries.failed - free, 10)), _LONGEST)
    return max(tries.last_at + length - now, timedelta())


def is_forgotten(tries: Tries, now: datetime) -> bool:
    """Whether the failures count no longer."""
    return now - tries.last_at >= _FORGOTTEN


def neighbourhood(address: str) -> str:
    """Return what counts as one address: of IPv6, the network."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    mapped = getattr(found, "ipv4_mapped", None)
    if found.version == 4 or mapped:
        return str(mapped or found)
    return str(ip_network((found, _OWN_PART), strict=False))
