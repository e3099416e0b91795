"""A vault in a folder whose file server may hang: a call that gets no answer in time raises VaultAway.

A thread that waits for a share cannot be ended from outside. So each call has a thread of its own, which is abandoned if it
takes too long. While four such threads wait, further calls are refused at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

from pywats_archive.errors import VaultAway
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.vault.folder import FolderVault
from pywats_archive.vault.store import StoredKey

T = TypeVar("T")
_READ_S, _WRITE_S = 120.0, 600.0
"""The longest times without an answer: 32 MB are read at 0.3 MB/s; a file of some GB may be flushed for minutes."""
_MOST_ABANDONED = 4
_PAGE = 1000
_ABANDONED: dict[str, list[_Call[object]]] = {}
"""The calls of this process that were abandoned, by vault."""


class TimeLimitedFolderVault:
    """A FolderVault that waits for each answer for a limited time. Safe to use from many threads."""

    def __init__(
        self, root: Path, *, on_step: OnStep = no_step, read_s: float = _READ_S, write_s: float = _WRITE_S
    ) -> None:
        self._vault = FolderVault(root, on_step=self._step)
        self.url = self._vault.url
        self._on_step = on_step
        self._read_s, self._write_s = read_s, write_s
        self._answered_s = time.monotonic()

    def put_new(self, key: str, content: bytes) -> None:
        """Store an object durably, under a new key; KeyTaken if the vault has one there."""
        self._in_time(lambda: self._vault.put_new(key, content), self._write_s)

    def put_file(self, key: str, path: Path) -> None:
        """Store a file of any size as ``put_new`` does; the bytes stream. OSError if ``path`` cannot be read."""
        self._in_time(lambda: self._vault.put_file(key, path), self._write_s)

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Read ``length`` bytes from ``start`` on, or all; fewer where the object ends before. KeyMissing if there is none."""
        return self._in_time(lambda: self._vault.get(key, start=start, length=length), self._read_s)

    def stream(self, key: str) -> Iterator[bytes]:
        """Read an object in pieces; KeyMissing if there is none."""
        pieces = self._vault.stream(key)
        while piece := self._in_time(lambda: next(pieces, b""), self._read_s):
            yield piece

    def size_of(self, key: str) -> int | None:
        """Return the size of an object in bytes; None if there is none."""
        return self._in_time(lambda: self._vault.size_of(key), self._read_s)

    def try_remove(self, key: str) -> bool:
        """Remove an object of a trial; False if the account may not, as it should be."""
        return self._in_time(lambda: self._vault.try_remove(key), self._read_s)

    def locked_until(self, key: str) -> datetime | None:
        """Return None: a folder has no lock."""
        return self._vault.locked_until(key)

    def keys(self, prefix: str, *, after: str = "") -> Iterator[StoredKey]:
        """Yield the objects below a folder (``""``: all of them), in a folder by name, those after ``after`` only."""
        found = self._vault.keys(prefix, after=after)
        while page := self._in_time(lambda: list(islice(found, _PAGE)), self._read_s):
            yield from page

    def _step(self, step: str) -> None:
        self._answered_s = time.monotonic()
        self._on_step(step)

    def _in_time(self, call: Callable[[], T], limit_s: float) -> T:
        waiting = [each for each in _ABANDONED.get(self.url, []) if each.is_alive()]
        if len(waiting) >= _MOST_ABANDONED:
            raise self._away(limit_s)
        begun, begun_s = _Call(call), time.monotonic()
        begun.start()
        remaining_s = limit_s
        while not begun.ended.wait(remaining_s):
            remaining_s = limit_s - (time.monotonic() - max(begun_s, self._answered_s))
            if remaining_s <= 0:
                _ABANDONED[self.url] = [*waiting, begun]  # type: ignore[list-item]
                raise self._away(limit_s)
        return begun.result()

    def _away(self, limit_s: float) -> VaultAway:
        return VaultAway(
            f"{self.url}: its file server does not answer within {limit_s:g} seconds; check the share and the network; "
            "the vault is tried again later"
        )


class _Call(threading.Thread, Generic[T]):
    """A call, in a thread of its own."""

    def __init__(self, call: Callable[[], T]) -> None:
        super().__init__(name="vault folder", daemon=True)
        self._call = call
        self._results: list[T] = []
        self._failure: BaseException | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as exc:
            self._failure = exc
        finally:
            self.ended.set()

    def result(self) -> T:
        """Return the result of the call once it has ended, or raise its exception."""
        if self._failure is not None:
            raise self._failure
        return self._results[0]
