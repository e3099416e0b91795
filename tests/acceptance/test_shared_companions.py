"""A file that is a companion of many sources is stored once for all of them, and goes with the last of them."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest
from tests.station import Station

from pywats_archive.archive import purging
from pywats_archive.archive.core import Archive
from pywats_archive.archive.purging import Batch
from pywats_archive.archive.rebuild import rebuild
from pywats_archive.archive.restore import restore_source
from pywats_archive.integrity.verify import verify
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.integrity import Thoroughness
from pywats_archive.models.purge import PurgeReason

READS_ALL = """
class ReadsAll(Any):
    def outcome(self, source, context):
        for path in source.path.parent.iterdir():
            path.read_bytes()
        return super().outcome(source, context)
"""
FILES, SIZE = 16, 20_000
ONCE = 1.1
"""What the bytes may take that are stored once: random ones, with their headers."""


@pytest.fixture
def reads_all(station: Station) -> Station:
    """A station whose converter reads, for each of its files, all of them."""
    station.code(READS_ALL)
    station.add("all", "own.ReadsAll", post_action="keep")
    return station


@pytest.fixture
def read(reads_all: Station) -> Station:
    """The same after it has done that."""
    _drop(reads_all, range(FILES))
    reads_all.run()
    return reads_all


def _drop(station: Station, numbers: Iterable[int]) -> None:
    for number in numbers:
        (station.root / "all/watch" / f"{number:02}.log").write_bytes(os.urandom(SIZE))


def _sizes_on_disk(station: Station) -> list[int]:
    """The size of each file beneath the sources, whatever names it has."""
    every = [path.stat() for path in (station.archive_root / "sources").rglob("*.gz")]
    return list({(status.st_dev, status.st_ino): status.st_size for status in every}.values())


def _check_restored(station: Station, archive: Archive, entry: ArchiveEntry) -> None:
    """The source comes back with all that lay beside it."""
    restored = restore_source(archive, entry.archive_id, station.root / f"back-{entry.archive_id}")
    assert {path.name: path.read_bytes() for path in restored.parent.iterdir()} == _contents(station)
    watch = station.root / "all/watch"
    assert {path.name: path.stat().st_mtime_ns for path in restored.parent.iterdir()} == {
        path.name: path.stat().st_mtime_ns for path in watch.iterdir()
    }


def _contents(station: Station) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (station.root / "all/watch").iterdir()}


def _check(archive: Archive) -> None:
    assert [checked.problem for checked in verify(archive, Thoroughness()) if checked.problem] == []


def test_a_converter_that_reads_all_files_archives_each_of_them_once(read: Station) -> None:
    """Their bytes are there once, not once more for each source, the figures know it, and every source is whole."""
    entries = read.entries()
    assert [len(entry.companions) for entry in entries] == [FILES - 1] * FILES
    assert len(_sizes_on_disk(read)) == FILES and sum(_sizes_on_disk(read)) < ONCE * FILES * SIZE
    blocks = sum(-(-size // 4096) * 4096 for size in _sizes_on_disk(read))
    assert sum(entry.disk_size_bytes for entry in entries) <= blocks + 4096 * FILES
    with read.archive() as archive:
        _check(archive)
        for entry in entries:
            _check_restored(read, archive, entry)


def test_a_restart_stores_nothing_once_more(reads_all: Station) -> None:
    """What was archived before is found again: sources, and companions that are none."""
    (reads_all.root / "all/watch" / "notes.txt").write_bytes(os.urandom(SIZE))
    reads_all.sections[0]["file_patterns"] = ["*.log"]
    for numbers in (range(FILES // 2), range(FILES // 2, FILES)):
        _drop(reads_all, numbers)
        reads_all.run()
    assert [len(entry.companions) for entry in reads_all.entries()] == [FILES // 2] * (FILES // 2) + [FILES] * (
        FILES // 2
    )
    assert len(_sizes_on_disk(reads_all)) == FILES + 1 and sum(_sizes_on_disk(reads_all)) < ONCE * (FILES + 1) * SIZE
    with reads_all.archive() as archive:
        _check(archive)
        _check_restored(reads_all, archive, reads_all.entries()[-1])


def test_that_a_converter_reads_its_neighbours_is_told_once(read: Station) -> None:
    """One entry says so; the companions of each are named in a few lines, not in one each."""
    warned = [
        entry for entry in read.entries() if any("other sources of its watch folder" in w for w in entry.warnings)
    ]
    assert len(warned) == 1
    assert all(len(entry.warnings) <= 9 for entry in read.entries())


@pytest.mark.parametrize("from_end", [False, True])
def test_what_is_shared_goes_with_the_last_entry_that_has_it(read: Station, from_end: bool) -> None:
    """Whichever goes first, the others stay whole, and in the end nothing is left (invariant 7)."""
    entries = sorted(read.entries(), key=lambda entry: entry.archive_id, reverse=from_end)
    with Archive.open(read.archive_root, own=True) as archive:
        while entries:
            gone, entries = entries[0], entries[1:]
            batch = Batch(converter_name="all", reason=PurgeReason.MANUAL, archive_ids=[gone.archive_id])
            purging.purge(archive, batch)
            _check(archive)
            for entry in entries[:1]:
                _check_restored(read, archive, entry)
    assert list((read.archive_root / "sources").rglob("*.gz")) == []


def test_shared_companions_are_recovered_from_the_blobs_alone(read: Station) -> None:
    """A rebuilt catalog has every source with its companions; what a purge left of one is another one's (invariant 6)."""
    first = read.entries()[0]
    with Archive.open(read.archive_root, own=True) as archive:
        purging.purge(archive, Batch(converter_name="all", reason=PurgeReason.MANUAL, archive_ids=[first.archive_id]))
    before = {entry.archive_id: _what_blobs_tell(entry) for entry in read.entries() if not entry.purged_at}
    rebuilt = rebuild(read.archive_root)
    assert rebuilt.problems == () and rebuilt.entries == FILES - 1
    assert {entry.archive_id: _what_blobs_tell(entry) for entry in read.entries()} == before
    with read.archive() as archive:
        _check(archive)
        _check_restored(read, archive, read.entries()[-1])


def _what_blobs_tell(entry: ArchiveEntry) -> tuple[object, ...]:
    source = (entry.source_archived_path, entry.source_original_path, entry.source_checksum, entry.source_size_bytes)
    known = (entry.source_mtime_ns, entry.source_kind, entry.converter_name, entry.converter_version)
    return *source, *known, sorted((c.name, c.checksum, c.size_bytes, c.archived_path) for c in entry.companions)


def test_a_file_system_without_links_has_copies(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry has its companions all the same, in one blob of its own."""
    link = os.link

    def refused(source: str, target: str, **how: object) -> None:
        if not str(source).endswith(".part"):
            raise PermissionError(1, "Operation not permitted")
        link(source, target)

    monkeypatch.setattr(os, "link", refused)
    beside = {name: name.encode() * 100 for name in ("cal.txt", "limits.txt", "names.txt")}
    watch = station.add("cal", file_patterns=["*.log"], archive_companions=list(beside))
    for name, content in beside.items():
        (watch / name).write_bytes(content)
    for number in range(12):
        (watch / f"{number}.log").write_bytes(b"%d" % number)
    station.run()
    entries = station.entries()
    assert [sorted(c.name for c in entry.companions) for entry in entries] == [sorted(beside)] * 12
    assert len({c.archived_path for c in entries[-1].companions}) == 1
    assert len(_sizes_on_disk(station)) == len(list((station.archive_root / "sources").rglob("*.gz")))
    with station.archive() as archive:
        _check(archive)
        for entry in entries:
            folder = restore_source(archive, entry.archive_id, station.root / entry.archive_id).parent
            assert {name: (folder / name).read_bytes() for name in beside} == beside


def test_a_companion_that_changed_is_archived_as_it_is_then(station: Station) -> None:
    """What is shared is told by its content: the same name, size and time may hide another one."""
    watch = station.add("cal", file_patterns=["*.log"], archive_companions=["cal.txt"])
    contents = [b"one", b"one", b"one", b"two", b"two"]
    for number, content in enumerate(contents):
        (watch / "cal.txt").write_bytes(content)
        os.utime(watch / "cal.txt", ns=(10**18, 10**18))
        (watch / f"{number}.log").write_bytes(b"%d" % number)
        station.run()
    with station.archive() as archive:
        back = [restore_source(archive, e.archive_id, station.root / e.archive_id).parent for e in station.entries()]
    assert [(folder / "cal.txt").read_bytes() for folder in back] == contents
