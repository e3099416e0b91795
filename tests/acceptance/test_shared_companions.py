"""A file that is a companion of many sources is stored once for all of them, and goes with the last of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.station import Station

from pywats_archive.archive import purging
from pywats_archive.archive.core import Archive
from pywats_archive.archive.purging import Batch
from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.integrity.verify import verify
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
MOST = 8
"""Times that the same bytes may be there: sources that are converted at the same moment pack them each."""


@pytest.fixture
def read(station: Station) -> Station:
    """A station whose converter has read, for each of its files, all of them."""
    station.code(READS_ALL)
    watch = station.add("all", "own.ReadsAll", post_action="keep")
    for number in range(FILES):
        (watch / f"{number:02}.log").write_bytes(os.urandom(SIZE))
    station.run()
    return station


def _bytes_on_disk(root: Path) -> int:
    found = {(s.st_dev, s.st_ino): s.st_size for s in (path.stat() for path in (root / "sources").rglob("*.gz"))}
    return sum(found.values())


def _contents(station: Station) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (station.root / "all/watch").iterdir()}


def _check(archive: Archive) -> None:
    assert [checked.problem for checked in verify(archive, Thoroughness()) if checked.problem] == []


def test_a_converter_that_reads_all_files_archives_each_of_them_a_few_times_at_most(read: Station) -> None:
    """Their bytes are there a few times, not once for each source, the figures know it, and every source is whole."""
    entries, contents = read.entries(), _contents(read)
    assert [len(entry.companions) for entry in entries] == [FILES - 1] * FILES
    assert _bytes_on_disk(read.archive_root) < MOST * FILES * SIZE
    assert sum(entry.disk_size_bytes for entry in entries) < (MOST + 2) * FILES * SIZE
    with read.archive() as archive:
        for number, entry in enumerate(entries):
            restored = restore_source(archive, entry.archive_id, read.root / f"back{number}")
            assert {path.name: path.read_bytes() for path in restored.parent.iterdir()} == contents


def test_that_a_converter_reads_its_neighbours_is_told_once(read: Station) -> None:
    """One entry says so; the companions of each are named in a few lines, not in one each."""
    warned = [
        entry for entry in read.entries() if any("other sources of its watch folder" in w for w in entry.warnings)
    ]
    assert len(warned) == 1
    assert all(len(entry.warnings) <= 9 for entry in read.entries())


def test_what_is_shared_goes_with_the_last_entry_that_has_it(read: Station) -> None:
    """Whichever goes first, the others stay whole, and in the end nothing is left (invariant 7)."""
    entries = list(read.entries())
    with Archive.open(read.archive_root, own=True) as archive:
        while entries:
            gone, entries = entries[0], entries[1:]
            batch = Batch(converter_name="all", reason=PurgeReason.MANUAL, archive_ids=[gone.archive_id])
            purging.purge(archive, batch)
            _check(archive)
            for entry in entries[:1]:
                restored = restore_source(archive, entry.archive_id, read.root / entry.archive_id)
                assert len(list(restored.parent.iterdir())) == FILES
    assert list((read.archive_root / "sources").rglob("*.gz")) == []


def test_shared_companions_are_recovered_from_the_blobs_alone(read: Station) -> None:
    """A rebuilt catalog has every companion of every entry, and what a purge left of one is another one's (invariant 6)."""
    first = read.entries()[0]
    with Archive.open(read.archive_root, own=True) as archive:
        purging.purge(archive, Batch(converter_name="all", reason=PurgeReason.MANUAL, archive_ids=[first.archive_id]))
    before = {entry.archive_id: {c.name: c.checksum for c in entry.companions} for entry in read.entries()[1:]}
    rebuilt = rebuild(read.archive_root)
    assert rebuilt.problems == () and rebuilt.entries == FILES - 1
    assert {entry.archive_id: {c.name: c.checksum for c in entry.companions} for entry in read.entries()} == before
    with read.archive() as archive:
        _check(archive)


def test_a_file_system_without_links_has_copies(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry has its companions all the same."""
    link = os.link

    def refused(source: str, target: str, **how: object) -> None:
        if ".companions." in str(source):
            raise PermissionError(1, "Operation not permitted")
        link(source, target)

    monkeypatch.setattr(os, "link", refused)
    watch = station.add("cal", file_patterns=["*.log"], archive_companions=["cal.txt"])
    (watch / "cal.txt").write_bytes(b"calibration" * 100)
    for number in range(4):
        (watch / f"{number}.log").write_bytes(b"%d" % number)
    station.run()
    assert [[c.name for c in entry.companions] for entry in station.entries()] == [["cal.txt"]] * 4


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
