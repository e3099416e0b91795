"""One process that serves the web pages."""

from __future__ import annotations

import subprocess
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

import structlog

from pywats_archive.conversion.pool.exits import cause_of
from pywats_archive.pipeline.settings import WebAddress
from pywats_archive.portable.processes import start_own_command
from pywats_archive.redaction import redacted

log = structlog.get_logger()

_STOP_S = 4.0
"""Answers in progress have two seconds."""
_READY = (b"http://", b"https://")
_MOST_BYTES = 4096
_MOST_LINES = 200
_OWN_ERRORS = (1, 2)
"""Exit codes after which the last line of output says why."""


class PagesProcess:
    """The verb ``web`` in a process of its own; its input is closed with this process, and then it ends.

    Its first line of output is the address; all others are logged, as far as they are few.
    """

    def __init__(self, config: Path, address: WebAddress) -> None:
        """Start it; OSError if that fails."""
        words = ["web", "--port", str(address.port), "--config", str(config), "--until-input-ends"]
        words += ["--host", address.host] if address.host else []
        self._process = start_own_command(
            words, folder=config.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.address: str | None = None
        """Where the pages are; None before they are served."""
        self._last_line = ""
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), name="web-output", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def trouble(self) -> str | None:
        """Return why the process has ended; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        self._reader.join(_STOP_S)
        if code in _OWN_ERRORS and self._last_line:
            return self._last_line
        return f"the process {cause_of(code)}"

    def ask_to_end(self) -> None:
        """Close the input of the process; idempotent."""
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()

    def end(self) -> None:
        """End the process within a few seconds; idempotent."""
        self.ask_to_end()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_STOP_S)

    def _read(self, output: IO[bytes]) -> None:
        with output:
            for number, line in enumerate(iter(partial(output.readline, _MOST_BYTES), b"")):
                if self.address is None and line.startswith(_READY):
                    self.address = line.decode("ascii", "replace").strip()
                    continue
                self._last_line = redacted(line.decode("utf-8", "replace").strip()).removeprefix("pywats-archive: ")
                if number < _MOST_LINES:
                    log.warning("web.output", line=self._last_line)
