"""The proof that a place stores each object once, by objects under ``{archive uuid}/probe``: some servers only claim that."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from pywats_archive.errors import KeyTaken, VaultAway, VaultRefused
from pywats_archive.vault.store import Vault

_RACING = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What a vault did with the objects of a trial."""

    replaces: bool
    """Whether a second object took the place of the first."""
    is_racy: bool
    """Whether more than one of several simultaneous writers succeeded under one key."""
    reads_back: bool
    """Whether the object came back as it was stored."""
    locked_until: datetime | None
    """Until when the vault lets nobody remove such an object; None if it names no lock."""
    may_remove: bool
    """Whether this account or key may remove what it stored."""


def prove(vault: Vault, archive_uuid: str) -> Proof:
    """Store two objects, try to replace them, read them back, and try to remove them.

    VaultRefused, VaultAway or VaultClockOff if the vault cannot be used. What cannot be removed stays.
    """
    key, raced, content = _probe(archive_uuid), _probe(archive_uuid), secrets.token_bytes(64)
    vault.put_new(key, content)
    replaces = _wins(vault, key)
    is_racy = _winners_of_race(vault, raced) > 1
    reads_back = replaces or (vault.get(key) == content and vault.size_of(key) == len(content))
    return Proof(
        replaces=replaces,
        is_racy=is_racy,
        reads_back=reads_back,
        locked_until=vault.locked_until(key),
        may_remove=vault.try_remove(key) and vault.try_remove(raced),
    )


def require_once(vault: Vault, archive_uuid: str) -> None:
    """Raise VaultRefused unless a second object under one key is refused."""
    key = _probe(archive_uuid)
    vault.put_new(key, b"first")
    if _wins(vault, key) or vault.get(key) != b"first":
        raise VaultRefused(f"{vault.url}: replaces objects, so objects are not safe there; use another server")


def _probe(archive_uuid: str) -> str:
    return f"{archive_uuid}/probe/{secrets.token_hex(16)}"


def _winners_of_race(vault: Vault, key: str) -> int:
    """Return how many of several simultaneous writers succeed under one key."""
    with ThreadPoolExecutor(_RACING) as pool:
        return sum(pool.map(lambda _: _wins_race(vault, key), range(_RACING)))


def _wins_race(vault: Vault, key: str) -> bool:
    """Whether the key was new; a server may also ask to try again (S3: ConditionalRequestConflict), and stored nothing then."""
    try:
        return _wins(vault, key)
    except VaultAway:
        return False


def _wins(vault: Vault, key: str) -> bool:
    try:
        vault.put_new(key, secrets.token_bytes(64))
    except KeyTaken:
        return False
    return True
