"""Reading the end of a log file and following it, also across its rotation."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from pathlib import Path


class LogTail:
    """Reads a log file from its last lines on; it is open only while it is read, so that its writer can rename it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._file: tuple[int, int] | None = None

    def last(self, lines: int) -> str:
        """Return the last lines; OSError if the file cannot be read."""
        with self._path.open("rb") as stream:
            self._file = _identity(os.fstat(stream.fileno()))
            found = deque(stream, maxlen=lines)
            self._position = stream.tell()
        return _text(b"".join(found))

    def added(self) -> str:
        """Return what was added since the last call, with the rest of a file that was rotated since."""
        try:
            now = self._path.stat()
        except OSError:  # between two files
            return ""
        if _identity(now) == self._file and now.st_size >= self._position:
            return self._rest(self._path)
        former = self._path.with_name(f"{self._path.name}.1")
        rest = ""
        with suppress(OSError):
            if _identity(former.stat()) == self._file:
                rest = self._rest(former)
        self._file, self._position = _identity(now), 0
        return rest + self._rest(self._path)

    def _rest(self, path: Path) -> str:
        with suppress(OSError), path.open("rb") as stream:
            stream.seek(self._position)
            found = stream.read()
            self._position += len(found)
            return _text(found)
        return ""


def _text(lines: bytes) -> str:
    """Return lines as text; Windows' line ends are plain ones."""
    return lines.decode("utf-8", "replace").replace("\r\n", "\n")


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
