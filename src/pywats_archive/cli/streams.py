"""The command's standard streams: writing to them ends in no traceback, and no opened file takes their place."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


class Output:
    """Standard output that remembers why something could not be written, or not completely."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.trouble: OSError | None = None

    def write(self, text: str) -> int:
        """Write text; an OSError is remembered."""
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
