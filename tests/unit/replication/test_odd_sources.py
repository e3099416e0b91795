"""Whatever was archived comes back from the vault as it was: odd names, folders, companions, large files, many events."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.archive.sources.ingest import NewSource, add_companions, archive_source
from pywats_archive.catalog import events
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import Event
from pywats_archive.models.query import EntryFilter
from pywats_archive.replication.fetching import segment_keys, whole_segment
from pywats_archive.replication.restoring import restore
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.folder import FolderVault

_MB = 1_000_000
_NAMES = [
    "Prüfling 日本.csv",
    "noext",
    ".hidden",
    "-dash.log",
    "a b.tar.gz",
    "e\u0301.TXT",
    "x" * 251 + ".log",
    "%2e%2e.log",
]
_POSIX_NAMES = ["two\nlines.log", 'quote".log', "back\\slash.log", os.fsdecode(b"not-\xff-utf8.log")]
_MANY = 40_000


def taken(archive: Archive, path: Path, **more: Any) -> ArchiveEntry:
    """Archive a source."""
    return archive_source(archive, NewSource(path=path, converter_name="C", **more))


def shipped(archive: Archive, vault: FolderVault, limit_bytes: int = 8 * _MB) -> int:
    """Ship all that waits; returns the number of segments."""
    return len(list(Shipping(archive, vault, limit_bytes=limit_bytes).ship_all()))


@contextmanager
def again(vault: FolderVault, folder: Path) -> Iterator[Archive]:
    """Restore the archive."""
    done = restore(vault, folder, actor="a")
    assert (done.problems, done.absent) == ((), ())
    with Archive.open(folder) as restored:
        yield restored


def test_odd_names_folders_and_companions_come_back(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """Under their own names, byte for byte, also companions that were found later (invariant 6)."""
    dropped = tmp_path / "dropped"
    (dropped / "unit 日本" / "deep").mkdir(parents=True)
    (dropped / "unit 日本" / "deep" / ("y" * 255)).write_bytes(b"in a folder")
    for number, name in enumerate([*_NAMES, *(_POSIX_NAMES if os.name == "posix" else ())]):
        (dropped / name).write_bytes(b"content %d" % number)
    for path in sorted(dropped.iterdir()):
        taken(archive, path)
    shipped(archive, vault)
    later = dropped / "Prüfling 日本.ini"
    later.write_bytes(b"opened by the converter")
    entry = next(each for each in archive.find(EntryFilter()).items if each.source_original_path.endswith("日本.csv"))
    add_companions(archive, archive.entry(entry.archive_id), [later], found_by="opened")
    shipped(archive, vault)
    with again(vault, tmp_path / "again") as restored:
        back = tmp_path / "back"
        for each in restored.find(EntryFilter(), limit=100).items:
            if Path(each.source_original_path).parent == dropped:
                restore_source(restored, each.archive_id, back)
    assert contents(back) == contents(dropped)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_companion_that_was_found_later_brings_no_other_file_again(
    archive: Archive, vault: FolderVault, tmp_path: Path
) -> None:
    """Each blob is in one segment."""
    path, beside = tmp_path / "SN77.log", tmp_path / "SN77.ini"
    path.write_bytes(b"a source")
    beside.write_bytes(b"beside it")
    entry = taken(archive, path)
    shipped(archive, vault)
    add_companions(archive, entry, [beside], found_by="opened")
    shipped(archive, vault)
    keys = segment_keys(vault, archive.description.archive_uuid, str(progress.chain_of(archive)))
    held = [name for key in keys for name in whole_segment(vault, key).files if entry.archive_id in name]
    assert len(held) == len(set(held)) == 2


@pytest.mark.long
def test_a_file_of_100_mb_comes_back_with_little_memory(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """Whatever its size, it streams (invariant 9)."""
    path = tmp_path / "large.bin"
    block = os.urandom(_MB)
    with path.open("wb") as stream:
        for number in range(100):
            stream.write(block[number:] + block[:number])
    entry = taken(archive, path)
    assert peak_mb(lambda: shipped(archive, vault)) < 30
    target = tmp_path / "again"
    assert peak_mb(lambda: restore(vault, target, actor="a")) < 30
    blob = target / entry.source_archived_path
    assert blob.stat().st_size > 90 * _MB and same(blob, archive.root / entry.source_archived_path)


def peak_mb(work: Callable[[], object]) -> float:
    """Return how much memory of Python's is in use at most meanwhile, in MB."""
    tracemalloc.start(1)
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / _MB
    finally:
        tracemalloc.stop()


def same(one: Path, two: Path) -> bool:
    """Whether two large files are equal."""
    with one.open("rb") as first, two.open("rb") as second:
        while (piece := first.read(_MB)) == second.read(_MB):
            if not piece:
                return True
    return False


@pytest.mark.long
def test_many_events_in_one_go_need_little_memory(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """They go, and come back, in segments of some thousands, one after the other (invariant 9)."""
    at = archive.now()

    def unit(tx: Any) -> None:
        for number in range(_MANY):
            events.append(tx, Event(kind="source.restored", at=at, actor="os:anna", details={"number": number}))

    archive.write(unit)
    assert peak_mb(lambda: shipped(archive, vault)) < 15
    assert progress.lag(archive, vault.url).events == 0
    assert peak_mb(lambda: restore(vault, tmp_path / "again", actor="a")) < 4
    with archive.read() as before, Archive.open(tmp_path / "again") as restored, restored.read() as after:
        assert events.last_number(after) == events.last_number(before) + 1  # the event of the restore
