"""The steps of a process, counted, so that the k-th fails, or crashes the process, or comes with the power going out.

Steps inside an archive pass the seam ``on_step``. Those outside it (watch folder, Done, a folder to restore to) have no seam:
Python's own audit events tell of each before it is made, and what a hook raises is what the call fails with. Such a hook
stays for good, so it is set in a child process alone.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tests.faults.power import Power

CRASHED = 70
THE_END = "the end"
"""A step that nothing follows: after it the power may go, but nothing is left to fail."""
_AUDITED = {"os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.truncate"}
_ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EDQUOT)
_GIVES_ROOM = {"os.remove", "os.rmdir"}
"""What works on a full disk too."""

Kind = Callable[["Steps", str], None]


class Steps:
    """Counts the steps once it is armed, and lets ``kind`` happen at step ``k``."""

    def __init__(self, kind: Kind, k: int, folder: Path) -> None:
        self.k = k
        self.count = 0
        self.was_reached = False
        self.power = Power(folder)
        self._kind = kind
        self._folder = os.fspath(folder)
        self.is_armed = self._has_begun = False
        self._mutex = threading.RLock()

    def __call__(self, name: str) -> None:
        """Pass one step, of any thread."""
        with self._mutex:
            if self.is_armed:
                self.count += 1
                self._kind(self, name)

    def arm(self) -> None:
        """Count from now on; once is enough."""
        if self._has_begun:
            return
        self._has_begun = True
        self.power.begin()
        _listen()
        _counting[:] = [self]
        self.is_armed = True

    def disarm(self) -> None:
        """Let everything pass again: the fault is gone."""
        self.is_armed = False

    def audited(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Pass a step outside the archive."""
        if not self.is_armed:
            return
        if event in _AUDITED and self._is_ours(arguments[0]):
            self(event)
        elif event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and self._is_ours(arguments[0]):
            self("open")

    def _is_ours(self, path: Any) -> bool:
        """Tell whether a path lies in the folder; a relative one is a member of a folder that is being removed."""
        if isinstance(path, int):
            return False
        text = os.fsdecode(path)
        return not Path(text).is_absolute() or text.startswith(self._folder)


_counting: list[Steps] = []
"""Those that were armed last: the ones of this try."""


@contextmanager
def uncounted() -> Iterator[None]:
    """Let the steps of another program pass: it does not crash with the service."""
    armed = [steps for steps in _counting if steps.is_armed]
    for steps in armed:
        steps.is_armed = False
    try:
        yield
    finally:
        for steps in armed:
            steps.is_armed = True


@cache
def _listen() -> None:
    """Let the steps outside the archive be counted from now on, for the rest of this process's life."""
    sys.addaudithook(lambda event, arguments: _counting[0].audited(event, arguments) if _counting else None)
    fsync = os.fsync

    def counted_fsync(fd: Any) -> None:
        _counting[0]("fsync")
        fsync(fd)
        _counting[0].power.synced(fd)

    os.fsync = counted_fsync  # no audit event tells of it


class Volume:
    """Stands for a file system that is made durable as a whole: no disk loses anything here, and ``Power`` keeps account."""

    def write_out(self, descriptor: int) -> None:
        """Begin to write a file; nothing is durable by that."""
        os.fstat(descriptor)

    def sync(self, descriptor: int) -> None:
        """Make the bytes of all files durable; the names of new ones are not counted on."""
        os.fstat(descriptor)
        for steps in _counting:
            steps.power.synced_all()


def crash(steps: Steps, name: str) -> None:
    """End the process at step k, at once."""
    if steps.count == steps.k:
        os._exit(CRASHED)


def cut_power(steps: Steps, name: str) -> None:
    """End the process at step k, and lose what was not made durable until then."""
    if steps.count == steps.k:
        steps.disarm()
        steps.power.cut()
        os._exit(CRASHED)


def fail_once(steps: Steps, name: str) -> None:
    """Fail step k alone, with one error after the other as k grows."""
    if steps.count == steps.k and name != THE_END:
        steps.was_reached = True
        _fail(_ERRORS[steps.k % len(_ERRORS)], name)


def fill_disk(steps: Steps, name: str) -> None:
    """Fail step k and all that follow, but for those that make room, as on a full disk."""
    if steps.count >= steps.k and name not in (*_GIVES_ROOM, THE_END):
        steps.was_reached = True
        _fail(errno.ENOSPC, name)


def _fail(number: int, name: str) -> None:
    raise OSError(number, os.strerror(number), f"(step {name})")
