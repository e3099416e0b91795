"""The command at a pseudo-terminal, where a person reads and types; POSIX alone."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.patience import PATIENCE_S

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Starts the command with its three streams at one terminal."""

    def __init__(self, *words: str | Path, environment: Mapping[str, str] | None = None) -> None:
        import pty  # noqa: PLC0415 (POSIX alone)

        self._ours, theirs = pty.openpty()
        whole: Sequence[str] = [sys.executable, "-m", "pywats_archive", *map(str, words)]
        settings = {**os.environ, "TERM": "dumb", "COLUMNS": "100", **(environment or {})}
        self.process = subprocess.Popen(
            whole, stdin=theirs, stdout=theirs, stderr=theirs, env=settings, start_new_session=True
        )
        os.close(theirs)
        self.shown = ""
        """All that the terminal showed."""
        self._read = 0

    def answer(self, question: str, answer: str) -> None:
        """Wait until the question is shown whole, behind what was answered before, and type the answer.

        What is typed before the end of a hidden question is dropped.
        """
        self.wait_for(question)
        self.wait_for(": ")
        os.write(self._ours, f"{answer}\n".encode())

    def wait_for(self, text: str) -> None:
        """Wait until a text is shown, behind what was read before."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.shown[self._read :]:
            if time.monotonic() > deadline or not self._more():
                raise AssertionError(f"no {text!r} in:\n{self.shown}")
        self._read = self.shown.index(text, self._read) + len(text)

    def end(self) -> int:
        """Wait for the end of the command; gives its exit code."""
        while self._more():
            pass
        return self.process.wait(PATIENCE_S)

    def _more(self) -> bool:
        """Read what is shown next; False if the command has ended."""
        ready, _, _ = select.select([self._ours], [], [], 1)
        if not ready:
            return self.process.poll() is None
        try:
            shown = os.read(self._ours, 65_536)
        except OSError:  # Linux: the other side is closed
            return False
        self.shown += _ESCAPES.sub("", shown.decode()).replace("\r\n", "\n")
        return bool(shown)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)
