"""The vault in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pywats_archive.models.vault.shipping import PushedArchive, VaultLag
from pywats_archive.words.alerts import sentence
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import counted

_LATE = "vault.late"
_MOST = 20
"""How many files a list names."""


def unconfirmed(copies: VaultLag | PushedArchive) -> str:
    """Return what is wrong if the vault confirms less than was copied before it was asked; empty if nothing is."""
    if copies.confirmed is None or copies.expected is None or copies.confirmed >= copies.expected:
        return ""
    copied = f"although the events up to {copies.expected} had been copied"
    return f"the vault confirms only the events up to {copies.confirmed}, {copied}; run 'vault verify'"


def from_vault(what: str, vault: str) -> str:
    """Return the line that says that bytes were read from a vault."""
    return f"{what}: read from the vault {vault}, since the archive has no intact copy"


def waiting(lag: VaultLag) -> str:
    """Return what waits to be copied."""
    if not lag.events:
        return "nothing waits"
    files = f"{counted(lag.events, 'event')} with {human_size(lag.size_bytes)} of files"
    return f"{files} wait, the oldest for {_age(lag)}"


def _age(lag: VaultLag) -> str:
    return counted(round(lag.minutes), "minute") if lag.minutes >= 1 else "less than a minute"


def findings(lag: VaultLag, *, now: datetime) -> Iterator[str]:
    """Yield what is wrong with the copies of an archive, and what to do."""
    for alert in lag.alerts:
        yield sentence(alert, now=now)
    if lag.late and not any(alert.name == _LATE for alert in lag.alerts):
        yield f"events wait to be copied for {_age(lag)}, which is too long; start the service, or run 'vault push'"
    if lag.overdue:
        since = f"since {lag.confirmed_at:%Y-%m-%d %H:%M:%S} UTC" if lag.confirmed_at else "of this history yet"
        yield f"the vault has confirmed nothing {since}, so nothing is purged; check that the service runs"
    if said := unconfirmed(lag):
        yield said
    for path in lag.lacking[:_MOST]:
        yield f"{path}: the vault has no copy; run 'verify', then 'vault verify'"
    if (more := len(lag.lacking) - _MOST) > 0:
        yield f"{counted(more, 'further file')}: the vault has no copy"
