"""Hints that a watch folder changed: they only say when to list it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import structlog
import watchfiles

log = structlog.get_logger()

TRY_AGAIN_S = 60.0
"""Between two attempts to listen to a folder that cannot be listened to."""
POLL_S = 5.0
"""Between two listings of such a folder."""
_TICK_S = 1.0


class FolderEvents:
    """Listens to folders from a thread of its own and sets ``wake`` when one changes.

    A folder that cannot be listened to counts as changed every ``poll_s``; it does not delay events of the others.
    """

    def __init__(self, wake: threading.Event, *, poll_s: float = POLL_S, try_again_s: float = TRY_AGAIN_S) -> None:
        self._wake = wake
        self._poll_s = poll_s
        self._try_again_s = try_again_s
        self._changed: set[str] = set()
        self._mutex = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._troubles: dict[str, str] = {}
        """Why a folder cannot be listened to, as it was logged last."""

    def watch(self, folders: Iterable[str]) -> None:
        """Listen to these folders from now on, and to no others; missing ones are skipped."""
        self.close()
        self._stop = threading.Event()
        wanted = [folder for folder in dict.fromkeys(folders) if Path(folder).is_dir()]
        if wanted:
            self._thread = threading.Thread(target=self._run, args=(wanted, self._stop), name="folders", daemon=True)
            self._thread.start()

    def drain(self) -> set[str]:
        """Return the folders that changed since the last call."""
        with self._mutex:
            changed, self._changed = self._changed, set()
        return changed

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def _run(self, folders: Sequence[str], stop: threading.Event) -> None:
        """Listen to all folders; if that fails, to those that can be listened to, and retry the others."""
        listened = list(folders)
        while not stop.is_set():
            try:
                self._listen(listened, [folder for folder in folders if folder not in listened], stop)
            except Exception as exc:  # the error may not name the folder
                log.warning("watch.polling_only", reason=str(exc))
                self._note(folders)
                stop.wait(_TICK_S)
            if not stop.is_set():
                listened = [folder for folder in folders if self._can_listen(folder)]

    def _can_listen(self, folder: str) -> bool:
        trouble, before = trouble_with(folder), self._troubles.pop(folder, None)
        if trouble:
            self._troubles[folder] = trouble
            if trouble != before:
                instead = f"it is listed every {self._poll_s:g} s"
                log.warning("folder.no_events", path=folder, reason=trouble, instead=instead)
        elif before:
            log.info("folder.events", path=folder)
        return trouble is None

    def _listen(self, listened: Sequence[str], others: Sequence[str], stop: threading.Event) -> None:
        until_s = time.monotonic() + self._try_again_s if others else float("inf")
        poll_at_s = time.monotonic()
        is_first = True
        for changes in _changes(listened, stop):
            paths = [path for _, path in changes]
            self._note(folder for folder in listened if is_first or any(path.startswith(folder) for path in paths))
            is_first = False  # changes before the listening began caused no event
            now_s = time.monotonic()
            if others and now_s >= poll_at_s:
                self._note(others)
                poll_at_s = now_s + self._poll_s
            if now_s >= until_s:
                return

    def _note(self, folders: Iterable[str]) -> None:
        changed = set(folders)
        if changed:
            with self._mutex:
                self._changed |= changed
            self._wake.set()


def trouble_with(folder: str) -> str | None:
    """Return why a folder, or one beneath it, cannot be listened to; None when it can."""
    is_enough = threading.Event()
    is_enough.set()
    try:
        for _ in _changes([folder], is_enough):
            break
    except Exception as exc:
        return f"{type(exc).__name__}: {exc}"
    return None


def _changes(folders: Sequence[str], stop: threading.Event) -> Iterator[set[tuple[Any, str]]]:
    """Yield changes as they come, and an empty set once a second. Listening has begun at the first one."""
    if not folders:
        while not stop.wait(_TICK_S):
            yield set()
        return
    yield from watchfiles.watch(
        *folders,
        watch_filter=None,
        stop_event=stop,
        debounce=50,
        step=20,
        rust_timeout=1000,
        yield_on_timeout=True,
    )
