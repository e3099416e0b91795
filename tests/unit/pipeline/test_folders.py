"""Events of watch folders: a folder that cannot be listened to costs no other one its events."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import watchfiles
from tests.station import wait_for

from pywats_archive.pipeline.folders.events import FolderEvents


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Folders that the system refuses to be listened to; tests take them out. Who tests as root is refused nothing."""
    names: set[str] = set()
    watch = watchfiles.watch

    def watching(*paths: str, **how: Any) -> Iterator[Any]:
        if names & set(paths):
            raise PermissionError(13, "Permission denied")
        return watch(*paths, **how)

    monkeypatch.setattr(watchfiles, "watch", watching)
    return names


def test_a_folder_that_cannot_be_listened_to_costs_the_others_nothing(tmp_path: Path, refused: set[str]) -> None:
    """It is looked at often meanwhile, and is listened to again once that works, without a restart."""
    good, bad = str(tmp_path / "good"), str(tmp_path / "bad")
    for path in (good, bad):
        Path(path).mkdir()
    refused.add(bad)
    wake = threading.Event()
    events = FolderEvents(wake, poll_s=0.1, try_again_s=0.5)
    try:
        events.watch([good, bad])
        for each in (good, bad):
            _wait_until_told(events, each)
        _wait_until_quiet(events, good)
        Path(good, "a.log").write_bytes(b"a")
        _wait_until_told(events, good)
        refused.clear()
        _wait_until_quiet(events, bad)  # nobody looks at it any more for no reason
        Path(bad, "b.log").write_bytes(b"b")
        _wait_until_told(events, bad)
        assert wake.is_set()
    finally:
        events.close()


def test_a_folder_that_cannot_be_listened_to_alone_is_looked_at(tmp_path: Path, refused: set[str]) -> None:
    """With no other folder there is nothing to listen to, and the thread goes on."""
    refused.add(str(tmp_path))
    events = FolderEvents(threading.Event(), poll_s=0.1, try_again_s=0.2)
    try:
        events.watch([str(tmp_path)])
        for _ in range(3):
            wait_for(events.drain)
    finally:
        events.close()


def _wait_until_told(events: FolderEvents, folder: str) -> None:
    wait_for(lambda: folder in events.drain())


def _wait_until_quiet(events: FolderEvents, folder: str) -> None:
    """Wait until nothing is said of a folder for a while."""
    quiet = threading.Event()
    for _ in range(40):
        events.drain()
        quiet.wait(0.6)
        if folder not in events.drain():
            return
    raise AssertionError(f"{folder} is never quiet")
