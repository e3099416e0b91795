"""A log file that is rotated before it grows too large."""

from __future__ import annotations

import errno
import logging
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pywats_archive.cli.streams import Write
from pywats_archive.portable import names

_MOST_BYTES, _FILES = 10_000_000, 5


class LogFile(RotatingFileHandler):
    """A file with its predecessors, ``NAME.1`` the last of them; what cannot be written is raised."""

    terminator = ""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (as logging calls it)
        """Raise the error of a line: whoever writes counts what is lost."""
        raise  # noqa: PLE0704 (logging calls this where it caught the error)

    def doRollover(self) -> None:  # noqa: N802
        """Begin the next file, unless somebody reads this one: Windows does not rename it then, and it grows on.

        The present file is renamed first, since the predecessors would be lost if only that failed.
        """
        if self.stream:
            self.stream.close()
            self.stream = None
        aside = f"{self.baseFilename}.0"
        with suppress(OSError):
            names.replace(self.baseFilename, aside, within_s=0)
            for number in range(self.backupCount, 1, -1):
                with suppress(FileNotFoundError):
                    names.replace(f"{self.baseFilename}.{number - 1}", f"{self.baseFilename}.{number}", within_s=0)
            names.replace(aside, f"{self.baseFilename}.1", within_s=0)


def require_writable(path: Path) -> None:
    """Create a log file unless it exists; OSError if it is no regular file, or no line can be written to it.

    A pipe without a reader would block the service.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "is not a regular file", str(path))
    with path.open("a"):
        pass


def log_file(path: Path, *, most_bytes: int = _MOST_BYTES, files: int = _FILES) -> Write:
    """Return what writes to a log file at ``path``, whose folder is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = LogFile(path, maxBytes=most_bytes, backupCount=files - 1, encoding="utf-8", delay=True)

    def write(text: str) -> None:
        handler.emit(logging.makeLogRecord({"msg": text}))

    return write
