"""Hints that something changed in a watch folder; the listing is the truth, these only say when to look."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

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
            for changes in watch(*folders, watch_filter=None, stop_event=stop, debounce=50, step=20, rust_timeout=1000):
                paths = [path for _, path in changes]
                with self._mutex:
                    self._changed |= {folder for folder in folders if any(p.startswith(folder) for p in paths)}
                self._wake.set()
        except (OSError, RuntimeError) as exc:
            log.warning("folders.no_events", reason=str(exc), instead="the folders are listed once a minute")
