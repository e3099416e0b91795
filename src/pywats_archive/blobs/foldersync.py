"""Folder fsyncs, each shared by several new names."""

from __future__ import annotations

import threading

from pywats_archive.models.step import OnStep
from pywats_archive.portable import files


class FolderSync:
    """Folder fsyncs shared by all threads that gave a name before the fsync began."""

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self._mutex = threading.Lock()
        self._turns: dict[str, _Turn] = {}

    def ask(self, folder: str) -> int:
        """Return the turn of a name that was just given in ``folder``."""
        with self._mutex:
            turn = self._turns.setdefault(folder, _Turn())
            turn.asked += 1
            return turn.asked

    def answer(self, folder: str, ticket: int) -> None:
        """Make that name durable, unless another thread's fsync did."""
        turn = self._turns[folder]
        if turn.answered >= ticket:
            return
        with turn.lock:
            if turn.answered >= ticket:
                return
            covers = turn.asked
            self._on_step("fsync_folder")
            files.sync_folder(folder)  # a share that cannot is tolerated; 'doctor' reports it
            turn.answered = covers


class _Turn:
    __slots__ = ("answered", "asked", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked = 0
        self.answered = 0
