"""The objects in a vault that a check found damaged or missing, and the repair of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import moment_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.events import append
from pywats_archive.models.event import Event

_ALL = "SELECT key, repair, repair_size_bytes FROM vault_damage WHERE vault = ? ORDER BY key"
_PUT = "REPLACE INTO vault_damage (vault, key, found_at, repair, repair_size_bytes) VALUES (?, ?, ?, ?, ?)"
_CLEAR = "DELETE FROM vault_damage WHERE vault = ? AND key = ?"
_FORGET = "DELETE FROM vault_damage WHERE vault = ? AND key LIKE '%/segments/%'"
_ASK_AGAIN = "UPDATE vault_gate SET confirmed_at = NULL WHERE vault = ?"


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownRepair:
    """An object in a vault that takes the place of a damaged one."""

    key: str
    size_bytes: int


def all_of(db: Connection, vault: str) -> dict[str, KnownRepair | None]:
    """Return the key of each damaged object of a vault, with its repair; None without one."""
    found = execute(db, _ALL, (vault,))
    return {str(key): KnownRepair(key=repair, size_bytes=size) if repair else None for key, repair, size in found}


def put(tx: Connection, vault: str, key: str, repair: KnownRepair | None, *, now: datetime) -> None:
    """Note that an object is damaged, and its repair."""
    known = (repair.key, repair.size_bytes) if repair else (None, None)
    execute(tx, _PUT, (vault, key, moment_to_text(now), *known))


def report(tx: Connection, vault: str, key: str, repair: KnownRepair | None, *, now: datetime) -> None:
    """Note a damaged object and its repair, with an event. The last confirmation no longer counts then (invariant 13)."""
    put(tx, vault, key, repair, now=now)
    execute(tx, _ASK_AGAIN, (vault,))
    details = {"vault": vault, "key": key, **({"repair": repair.key} if repair else {})}
    append(tx, Event(kind="vault.repaired" if repair else "vault.damaged", at=now, details=details))


def clear(tx: Connection, vault: str, key: str) -> None:
    """Note that an object is whole."""
    execute(tx, _CLEAR, (vault, key))


def forget_segments(tx: Connection, vault: str) -> None:
    """Remove what is noted of damaged segments."""
    execute(tx, _FORGET, (vault,))
