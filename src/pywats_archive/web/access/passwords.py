"""Passwords: hashed with argon2id, and few of them at once."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from pywats_archive.errors import TooManyAtOnce, UsageError

SHORTEST = 12
LONGEST = 1000
_HASHER = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)
"""Of the minimum that OWASP names (19 MiB, two passes) more than twice the work, and little for a station's memory."""
_AT_ONCE = 2
_WAITING = 8


class Passwords:
    """Hashes and checks passwords: two at once, and eight may wait; TooManyAtOnce for one more.

    Each takes memory, and a thread of the pages.
    """

    def __init__(self, hasher: PasswordHasher = _HASHER) -> None:
        self._hasher = hasher
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._places = threading.BoundedSemaphore(_AT_ONCE + _WAITING)
        self._nobody = _unmatched(hasher)

    def hash(self, password: str) -> str:
        """Return the hash to keep; UsageError if the password is too short or too long."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise UsageError(f"a password has {SHORTEST} to {LONGEST:,} characters; choose another one")
        return self.hash_again(password)

    def hash_again(self, password: str) -> str:
        """Return the hash of a password that was accepted before, with today's parameters."""
        with self._turn():
            return self._hasher.hash(_bytes(password))

    def is_right(self, kept: str | None, password: str) -> bool:
        """Check a password; without a hash to compare with, take as long and return False."""
        with self._turn():
            try:
                return self._hasher.verify(kept or self._nobody, _bytes(password[:LONGEST])) and kept is not None
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise TooManyAtOnce
        try:
            with self._turns:
                yield
        finally:
            self._places.release()


def _unmatched(hasher: PasswordHasher) -> str:
    """Return a hash of no known password, whose check takes as long as any; random, so that the pages start sooner."""
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (16, hasher.hash_len))
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"


def _bytes(password: str) -> bytes:
    """Return what is hashed: however a keyboard composes a character, the password is the same."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
