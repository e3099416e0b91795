"""Processes that carry out runs: children that outlive the pages, so that no run depends on them."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from pywats_archive.errors import RunRunning
from pywats_archive.portable.processes import start_own_command

_FINE = (0, 1)
"""Exit codes of a run that was carried out; 1 if entries failed or were skipped."""
_MOST_BYTES = 4000
_END_S = 10.0


@dataclass(frozen=True, slots=True)
class _Child:
    verb: str
    process: subprocess.Popen[bytes]
    errors: IO[bytes]


class Launcher:
    """Starts the command for a run in a process of its own; safe to use from many threads."""

    def __init__(self) -> None:
        self.planning = threading.Lock()
        """Held while a run is planned and started, so that a form that is sent twice starts one run."""
        self._lock = threading.Lock()
        self._children: dict[tuple[Path, int], _Child] = {}
        self._troubles: dict[tuple[Path, int], str] = {}

    def start(self, verb: str, run_id: int, *, archive: Path, config: Path, actor: str, processes: int = 0) -> None:
        """Start ``reprocess resume`` or ``rollback`` for a run, unless a process does this already.

        A process that has finished the run and is about to end is waited for; RunRunning if it does not end.
        """
        words = ["reprocess", verb, str(run_id)]
        words += ["--config", str(config.absolute()), "--archive", str(archive), f"--actor={actor}"]
        words += ["--yes"] if verb == "rollback" else ["--processes", str(processes)]
        key = (archive, run_id)
        with self._lock:
            self._await_end(key, unless=verb)
            if key in self._children:
                return
            self._troubles.pop(key, None)
            errors = TemporaryFile()  # noqa: SIM115 (closed when the process has ended; a pipe would end with the pages)
            none = subprocess.DEVNULL
            folder = config.absolute().parent
            process = start_own_command(words, folder=folder, stdin=none, stdout=none, stderr=errors)
            self._children[key] = _Child(verb, process, errors)

    def verb(self, run_id: int, archive: Path) -> str:
        """Return what a process of this launcher does with a run: ``resume`` or ``rollback``; empty if there is none."""
        with self._lock:
            self._reap()
            child = self._children.get((archive, run_id))
            return child.verb if child else ""

    def trouble(self, run_id: int, archive: Path) -> str:
        """Return why the last process of a run ended before its time; empty if it did not."""
        with self._lock:
            self._reap()
            return self._troubles.get((archive, run_id), "")

    def _await_end(self, key: tuple[Path, int], *, unless: str) -> None:
        child = self._children.get(key)
        if child and child.verb != unless:
            try:
                child.process.wait(_END_S)
            except subprocess.TimeoutExpired:
                raise RunRunning(f"a process still works on run {key[1]}; try again when it has ended") from None
        self._reap()

    def _reap(self) -> None:
        for key, child in list(self._children.items()):
            code = child.process.poll()
            if code is None:
                continue
            del self._children[key]
            with child.errors:
                child.errors.seek(0)
                text = child.errors.read(_MOST_BYTES).decode("utf-8", "replace").strip()
            if code not in _FINE:
                self._troubles[key] = text or f"its process ended with exit code {code}"
