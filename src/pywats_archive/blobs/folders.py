"""Folders of an archive: created durably, and their fsyncs shared by several new names."""

from __future__ import annotations

import errno
import itertools
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pywats_archive.models.step import OnStep
from pywats_archive.portable import files, names

_FOLDER_MODE = 0o700


class Folders:
    """The folders below ``root``, which must exist; ``require_root`` raises if it is no longer what it was."""

    def __init__(self, root: str, *, on_step: OnStep, require_root: Callable[[], None]) -> None:
        self.root = root
        self.sync = FolderSync(on_step)
        self._on_step = on_step
        self._require_root = require_root
        self._known: set[str] = set()

    def ensure(self, folder: str) -> None:
        """Create a folder below the root, but never the root: its disk or share is away then."""
        if folder in self._known:
            return
        self._require_root()
        made: list[Path] = []
        try:
            self._create(folder, made)
        finally:
            self._require_still(made)
        self._refuse_links(folder)
        self._known.add(folder)

    def _create(self, folder: str, made: list[Path]) -> None:
        """Create a folder and its missing parents durably, and list them in ``made``."""
        chain = itertools.takewhile(lambda each: each != Path(self.root), (Path(folder), *Path(folder).parents))
        for each in reversed([one for one in chain if not one.exists()]):
            self._on_step("mkdir")
            with suppress(FileExistsError):
                each.mkdir(mode=_FOLDER_MODE)
                made.append(each)
            above = os.fspath(each.parent)
            self.sync.answer(above, self.sync.ask(above))

    def _require_still(self, made: Sequence[Path]) -> None:
        """Raise if the root went away meanwhile; the folders that were made in its place are removed then."""
        try:
            self._require_root()
        except Exception:
            for each in reversed(made):
                with suppress(OSError):
                    names.rmdir(each)
            raise

    def _refuse_links(self, folder: str) -> None:
        """Raise OSError if a folder of the archive is a link: what is written there would be elsewhere."""
        whole = self.root
        for part in Path(folder).relative_to(self.root).parts:
            whole = f"{whole}/{part}"
            if files.is_link(whole):
                raise OSError(errno.ELOOP, "is a link to another place; mount the disk here instead", whole)

    def ensure_again(self, folder: str) -> None:
        """Create a folder that may have been removed since."""
        self.forget(folder)
        self.ensure(folder)

    def forget(self, folder: str) -> None:
        """Note that a folder is removed, or may be."""
        self._known.discard(folder)


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
