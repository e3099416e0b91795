"""The command's standard streams: writing to them ends in no traceback, and no opened file takes their place."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO, cast

Write = Callable[[str], object]
_RETRY_S = 0.05
_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


class Output:
    """Standard output that remembers whether something was written, and why something could not be."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.trouble: OSError | None = None
        self.has_written = False

    def write(self, text: str) -> int:
        """Write text; an OSError is remembered."""
        self.has_written = True
        try:
            return self._stream.write(text)
        except OSError as exc:
            self.trouble = exc
            raise

    def flush(self) -> None:
        """Write buffered text; an OSError is remembered."""
        try:
            self._stream.flush()
        except OSError as exc:
            self.trouble = exc
            raise

    def finish(self) -> OSError | None:
        """Write buffered text; returns why not everything could be written, if so."""
        with suppress(OSError, ValueError):  # ValueError: closed by what was run
            self.flush()
        return self.trouble

    def discard_rest(self) -> None:
        """Discard further output, so that no error is reported when the process ends."""
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def prepare() -> Output:
    """Replace closed streams by ones that discard everything, and escape characters that an encoding lacks.

    A closed stream leaves its descriptor free: the next opened file would get that, and with it all that is printed. Returns
    the standard output to use from now on.
    """
    for name, mode in _STREAMS:
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", errors="backslashreplace"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    output = Output(sys.stdout)
    sys.stdout = cast(TextIO, output)
    return output


def raw_writer(stream: TextIO | None) -> Write:
    """Return a function that writes to a text stream at once, and leaves nothing in buffers that would fail at the end."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if stream is None or raw is None:
        return stream.write if stream else lambda text: None
    encoding = stream.encoding or "utf-8"

    def write(text: str) -> None:
        remaining = memoryview(text.encode(encoding, "backslashreplace"))
        while remaining:
            written = raw.write(remaining)
            if written:
                remaining = remaining[written:]
            else:  # it was made non-blocking, and is full
                time.sleep(_RETRY_S)

    return write
