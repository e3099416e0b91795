"""The interface of every vault, whatever stores its objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

MARKER = "vault.json"
"""The key that makes a place a vault; created once, by ``vault init``."""
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """An object in a vault."""

    key: str
    size_bytes: int
    at: datetime
    """When the vault stored it, by the clock of the vault."""


class Vault(Protocol):
    """A place that stores each object once. Safe to use from many threads.

    Every method raises VaultAway, VaultRefused or VaultClockOff if the vault cannot be used.
    """

    url: str
    """Where it is, as people see it: without secrets."""

    def put_new(self, key: str, content: bytes) -> None:
        """Store an object durably, under a new key; KeyTaken if the vault has one there. ``content`` is not empty."""

    def put_file(self, key: str, path: Path) -> None:
        """Store a file of any size as ``put_new`` does; the bytes stream."""

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Read ``length`` bytes from ``start`` on, or all; fewer where the object ends before. KeyMissing if there is none."""

    def stream(self, key: str) -> Iterator[bytes]:
        """Read an object in pieces; KeyMissing if there is none."""

    def size_of(self, key: str) -> int | None:
        """Return the size of an object in bytes; None if there is none."""

    def try_remove(self, key: str) -> bool:
        """Remove an object of a trial; False if the vault does not allow that, as it should."""

    def locked_until(self, key: str) -> datetime | None:
        """Return until when the vault lets nobody remove an object; None if it names no such lock."""

    def keys(self, prefix: str, *, after: str = "") -> Iterator[StoredKey]:
        """Yield the objects below a folder (``""``: all of them), in a folder by name, those after the key ``after`` only.

        The order of whole keys is that of the server: SeaweedFS lists ``a/1`` before ``a.b/1``, S3 does not.
        """


def checked(key: str) -> str:
    """Return the key; ValueError if it is invalid. Allowed are letters, digits, ``._-``, and ``/`` between folders."""
    if not _KEY.fullmatch(key) or len(key) > 900:  # S3 allows 1024 bytes, prefix included
        raise ValueError(f"{key!r} is not a key of a vault")
    return key
