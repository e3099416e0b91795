"""Who owns a watch folder: one service at a time, with any archive or none.

There are two locks, since neither works everywhere:
- The folder's own lock (POSIX) belongs to the folder itself, under any name and for any account, and leaves nothing behind.
  It works on this computer only.
- A hidden lock file beside the folder works on shares and on Windows too, if it can be created there. A note beside it names
  the owner.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from pywats_archive.archive.folder import locks, ownership
from pywats_archive.errors import FolderTaken, StorageError
from pywats_archive.portable import names
from pywats_archive.portable.files import WINDOWS

LOCK_SUFFIX, OWNER_SUFFIX = ".pywats-archive.lock", ".pywats-archive.owner"
"""How the names of lock and note end; they begin with a dot."""
_LONGEST_NAME_BYTES = 200


def lock_place(folder: Path, *, is_mount: bool) -> tuple[Path, str]:
    """Return the folder for the lock of a watch folder, and how the lock's name begins.

    The lock is beside the watch folder, where nobody takes it for a source, or inside it if the folder is a whole share or
    disk.
    """
    if is_mount:
        return folder, "."
    name = folder.name
    if len(os.fsencode(name)) > _LONGEST_NAME_BYTES:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return folder.parent, f".{name}"


class Claim:
    """A watch folder that this process owns until ``release``."""

    def __init__(self, folder: Path, *, configuration: Path, windows: bool = WINDOWS) -> None:
        """Own the folder, whose path is real; FolderTaken names the owner if another process or service owns it.

        OSError if the folder itself cannot be opened.
        """
        self.folder = folder
        self.is_shared = True
        """Whether other computers see the claim: the lock file could be created."""
        self._where, self._name = lock_place(folder, is_mount=os.path.ismount(folder))
        self._file: FileLock | None = None
        self._folder = None if windows else self._lock_folder()
        try:
            self._lock_file()
        except BaseException:
            self.release()
            raise
        self._what = _identity(folder)
        ownership.write_note(self._note, configuration=str(configuration))

    def is_still(self, folder: Path) -> bool:
        """Whether the folder at this path is still the owned one."""
        try:
            return _identity(folder) == self._what
        except OSError:
            return False

    def release(self) -> None:
        """Give up the folder; idempotent."""
        if self._file:
            with suppress(OSError):
                names.unlink(self._note)
            self._file.release()
            self._file = None
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    @property
    def _note(self) -> Path:
        return self._where / f"{self._name}{OWNER_SUFFIX}"

    def _lock_folder(self) -> int | None:
        """Lock the folder itself; None if the file system has no such locks. The system releases it with the process."""
        import fcntl  # noqa: PLC0415 (POSIX)

        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(descriptor)
            raise self._owned_already() from exc
        except OSError:
            os.close(descriptor)
            return None
        return descriptor

    def _lock_file(self) -> None:
        try:
            self._file = locks.lock(self._where, f"{self._name}{LOCK_SUFFIX}", timeout_s=0, busy=self._owned_already)
        except StorageError as exc:
            if isinstance(exc, FolderTaken):
                raise
            self.is_shared = False

    def _owned_already(self) -> FolderTaken:
        who = ownership.holder(self._note)
        return FolderTaken(f"{self.folder}: {who} owns this watch folder; stop that one, or watch another folder")


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
