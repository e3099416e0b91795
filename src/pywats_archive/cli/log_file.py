"""A log file that is rotated before it grows too large."""

from __future__ import annotations

import logging
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pywats_archive.cli.streams import Write

_MOST_BYTES, _FILES = 10_000_000, 5


class LogFile(RotatingFileHandler):
    """A file with its predecessors, ``NAME.1`` the last of them; what cannot be written is raised."""

    terminator = ""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (as logging calls it)
        """Raise the error of a line: whoever writes counts what is lost."""
        raise  # noqa: PLE0704 (logging calls this where it caught the error)

    def doRollover(self) -> None:  # noqa: N802
        """Begin the next file, unless somebody reads this one: Windows does not rename it then, and it grows on."""
        with suppress(OSError):
            super().doRollover()


def require_writable(path: Path) -> None:
    """Create a log file unless it exists; OSError if no line can be written to it."""
    with path.open("a"):
        pass


def log_file(path: Path, *, most_bytes: int = _MOST_BYTES, files: int = _FILES) -> Write:
    """Return what writes to a log file at ``path``, whose folder is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = LogFile(path, maxBytes=most_bytes, backupCount=files - 1, encoding="utf-8", delay=True)

    def write(text: str) -> None:
        handler.emit(logging.makeLogRecord({"msg": text}))

    return write
