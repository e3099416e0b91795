"""A source that another one replaces at any step of its way out: both are kept, and the later one is processed as new."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.archive.sources.reading import stamp_of
from pywats_archive.config import ConverterConfig
from pywats_archive.errors import StorageError
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.pipeline.postprocess import actions
from pywats_archive.pipeline.postprocess.actions import apply
from pywats_archive.pipeline.postprocess.decisions import Destination, Ending
from pywats_archive.pipeline.postprocess.departing import SourceFile

_STEPS = ("link", "rename", "replace", "unlink", "stat", "lstat", "open")
"""The functions of ``os`` right before which the station may replace its log."""
UNIT, NEXT = b"unit %d of one kind", b"unit %d of another"
"""As long as each other."""


@dataclass(kw_only=True)
class Station:
    """Replaces its log with the next unit's right before step ``at``, as long and as old; counts the steps."""

    log: Path
    at: int
    step: int = 0
    came_at: str = ""
    _is_writing: bool = field(default=False)

    def before(self, name: str) -> None:
        """Pass one step."""
        if self._is_writing:
            return
        self.step += 1
        if self.step == self.at:
            self._is_writing, self.came_at = True, name
            drop(self.log, NEXT % self.at)
            self._is_writing = False


def drop(log: Path, content: bytes) -> None:
    """Write a unit's log over the one before, all of one time, by a rename."""
    whole = log.parent.parent / "writing"
    whole.write_bytes(content)
    os.utime(whole, ns=(10**18, 10**18))
    os.replace(whole, log)  # noqa: PTH105 (the step itself)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive of its own."""
    with Archive.open(tmp_path / "archive", create=True, own=True) as made:
        yield made


def archived(archive: Archive | None, log: Path) -> SourceFile:
    """Return a source that is to leave, archived if there is an archive."""
    entry = ingest.archive_source(archive, ingest.NewSource(path=log, converter_name="c")) if archive else None
    folders = {name: str(log.parent.parent / name) for name in ("done_folder", "error_folder", "pending_folder")}
    config = ConverterConfig.model_validate({"name": "c", "module_path": "m.C", "watch_folder": "w", **folders})
    now = stamp_of(log)
    return SourceFile(
        path=log,
        size_bytes=now.size_bytes,
        mtime_ns=now.mtime_ns,
        inode=now.inode,
        ctime_ns=now.ctime_ns,
        config=config,
        archive=archive,
        entry=entry,
    )


def leaves_by(destination: Destination) -> Callable[[SourceFile], bool]:
    """Return what lets a source leave; whether the source itself left."""
    ending = Ending(state=ArrivalState.DONE, destination=destination)
    return lambda source: not apply(ending, source).is_replaced


def leaves_for_pending(source: SourceFile) -> bool:
    """Let a suspended source leave; whether the source itself left."""
    return actions.set_aside(source, Path(source.config.pending_folder)) is not None


WAYS = {
    "moved": leaves_by(Destination.DONE),
    "failed": leaves_by(Destination.ERROR),
    "removed": leaves_by(Destination.REMOVED),
    "zipped": leaves_by(Destination.ZIPPED),
    "suspended": leaves_for_pending,
}


def counted(monkeypatch: pytest.MonkeyPatch, station: Station) -> None:
    """Let the station pass the system calls on its log, its private name, and anything beside."""
    folder = str(station.log.parent.parent)

    def passing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *more: Any, **others: Any) -> Any:
            if str(path).startswith(folder) and "archive" not in str(path):
                station.before(name)
            return real(path, *more, **others)

        return call

    for name in _STEPS:
        monkeypatch.setattr(os, name, passing(name, getattr(os, name)))


@pytest.mark.parametrize("is_archived", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_a_unit_that_comes_at_any_step_stays_in_the_watch_folder(
    tmp_path: Path, archive: Archive, way: str, is_archived: bool
) -> None:
    """No unit leaves as another one: a file of the same name, length and time is never moved or removed for it (2, 12)."""
    at, came = 0, set[str]()
    while True:
        at += 1
        watch = tmp_path / f"{at}" / "watch"
        watch.mkdir(parents=True)
        station = Station(log=watch / "station.log", at=at)
        drop(station.log, UNIT % at)
        source = archived(archive if is_archived else None, station.log)
        with pytest.MonkeyPatch.context() as patched:
            counted(patched, station)
            has_left = tried(WAYS[way], source)
        if not station.came_at:
            break
        came.add(station.came_at)
        assert [path.name for path in watch.iterdir()] == ["station.log"], at
        assert station.log.read_bytes() == NEXT % at, f"at step {at}, before {station.came_at}"
        elsewhere = [content(path) for path in watch.parent.rglob("*") if path.is_file() and path.parent != watch]
        assert elsewhere == ([UNIT % at] if has_left and way != "removed" else []), f"step {at}, {station.came_at}"
    assert has_left and "rename" in came


def content(path: Path) -> bytes:
    """Return what is in a file, or in the only file of a zip."""
    if path.suffix != ".zip":
        return path.read_bytes()
    with zipfile.ZipFile(path) as packed:
        return packed.read("station.log")


def tried(leaves: Callable[[SourceFile], bool], source: SourceFile) -> bool:
    """Let a source leave, and once more if that was not possible, as the service does."""
    try:
        return leaves(source)
    except StorageError:
        return leaves(source)
