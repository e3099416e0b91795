"""Hints that something changed in a watch folder; the listing is the truth, these only say when to look."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import structlog
from watchfiles import watch

log = structlog.get_logger()


class FolderEvents:
    """Listens to folders from a thread of its own and sets ``wake`` when one changes."""

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake
        self._changed: set[str] = set()
        self._mutex = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, folders: Iterable[str]) -> None:
        """Listen to these folders from now on, instead of those before; missing ones are left out."""
        self.close()
        self._stop = threading.Event()
        wanted = [folder for folder in dict.fromkeys(folders) if Path(folder).is_dir()]
        if wanted:
            self._thread = threading.Thread(target=self._listen, args=(wanted, self._stop), name="folders", daemon=True)
            self._thread.start()

    def take(self) -> set[str]:
        """Give the folders in which something changed since the last call."""
        with self._mutex:
            changed, self._changed = self._changed, set()
        return changed

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def _listen(self, folders: list[str], stop: threading.Event) -> None:
        try:
            is_first = True
            for changes in _changes(folders, stop):
                paths = [path for _, path in changes]
                changed = {folder for folder in folders if is_first or any(p.startswith(folder) for p in paths)}
                is_first = False  # what came before it listened told nobody
                if changed:
                    with self._mutex:
                        self._changed |= changed
                    self._wake.set()
        except (OSError, RuntimeError) as exc:
            log.warning("folders.no_events", reason=str(exc), instead="the folders are listed once a minute")


def _changes(folders: list[str], stop: threading.Event) -> Iterable[set[tuple[Any, str]]]:
    """Give the changes as they come, and none once a second when there are none: the first time, it listens."""
    return watch(
        *folders,
        watch_filter=None,
        stop_event=stop,
        debounce=50,
        step=20,
        rust_timeout=1000,
        yield_on_timeout=True,
    )
