"""The reserve, on a disk that is really full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.disk import Disk, small_disk
from tests.station import check_sound

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.sources import ingest
from pywats_archive.blobs.reserve import SIZE_BYTES, size_for
from pywats_archive.errors import DiskFull
from pywats_archive.models.query import EntryFilter
from pywats_archive.portable import files

MB = 1_000_000
RESERVE_BYTES = size_for(40 << 20)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 40 MB, whose archive is sound in the end."""
    with small_disk(tmp_path / "disk") as made:
        yield made
        check_sound(made.mount_point / "archive")


def opened(disk: Disk) -> Archive:
    """Open the archive on the disk for writing."""
    return Archive.open(disk.mount_point / "archive", create=True, own=True)


def take_in(archive: Archive, folder: Path, name: str = "unit.log", size_bytes: int = 400_000) -> None:
    """Archive a source that does not compress."""
    path = folder / name
    if not path.exists():
        with path.open("wb") as stream:
            files._fill(stream.fileno(), size_bytes)
    ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="c"))


@pytest.mark.parametrize(("total", "size"), [(10**12, SIZE_BYTES), (320 * MB, SIZE_BYTES), (100 * MB, 5 * MB), (0, 0)])
def test_its_size_suits_the_disk(total: int, size: int) -> None:
    """It takes 16 MB, and of a small disk a twentieth."""
    assert size_for(total) == size


def test_it_is_really_allocated(tmp_path: Path) -> None:
    """What is reserved takes room on the disk, whether the system can allocate or it must be written."""
    with Archive.open(tmp_path / "archive", create=True, own=True):
        status = (tmp_path / "archive" / "reserve").stat()
        assert status.st_size == SIZE_BYTES and (files.WINDOWS or status.st_mode & 0o777 == 0o600)
        assert getattr(status, "st_blocks", SIZE_BYTES) * 512 >= SIZE_BYTES
    with (tmp_path / "written").open("wb") as stream:
        files._fill(stream.fileno(), 3 * MB + 1)
    assert (tmp_path / "written").stat().st_size == 3 * MB + 1


def test_a_reader_makes_none(tmp_path: Path) -> None:
    """Whoever only reads changes nothing on the disk."""
    Archive.open(tmp_path / "archive", create=True).close()
    assert not (tmp_path / "archive" / "reserve").exists()


def test_a_full_disk_takes_commits_and_no_blobs_until_there_is_room(disk: Disk, tmp_path: Path) -> None:
    """A full disk refuses a source, still records what was seen, and goes on once there is room (invariant 11)."""
    with opened(disk) as archive:
        reserve = archive.root / "reserve"
        assert reserve.stat().st_size == RESERVE_BYTES
        disk.fill()
        with pytest.raises(DiskFull, match="the disk is full"):
            take_in(archive, tmp_path)
        assert archive.reserve.trouble() and not reserve.exists()
        with pytest.raises(DiskFull, match="remaining space is for the catalog"):
            take_in(archive, tmp_path, "small.log", 10)
        sightings = [Sighting(path=f"/watch/{n}.log", size_bytes=1, mtime_ns=1) for n in range(2_000)]
        ledger.enter(archive, "c", sightings)
        assert not archive.reserve.allocate() and archive.find(EntryFilter()).total == 0
        disk.free()
        take_in(archive, tmp_path)
        assert reserve.stat().st_size == RESERVE_BYTES and archive.find(EntryFilter()).total == 1


def test_a_commit_that_finds_no_room_takes_the_reserve(disk: Disk) -> None:
    """The catalog grows into the reserve when a commit finds the disk full (invariant 11)."""
    with opened(disk) as archive:
        disk.fill()
        names = [f"/watch/{'x' * 200}{number}.log" for number in range(3_000)]
        ledger.enter(archive, "c", [Sighting(path=name, size_bytes=1, mtime_ns=1) for name in names])
        assert archive.reserve.trouble()
        assert len(ledger.unfinished(archive)) == 3_000
        disk.free()


def test_an_archive_on_a_full_disk_opens(disk: Disk, tmp_path: Path) -> None:
    """A restart on a full disk costs the reserve at most, and refuses sources as before (invariant 5)."""
    with opened(disk) as archive:
        take_in(archive, tmp_path, size_bytes=10)
    disk.fill()
    with opened(disk) as archive:
        with pytest.raises(DiskFull):
            take_in(archive, tmp_path, "another.log")
        disk.free()
        take_in(archive, tmp_path, "another.log")
        assert archive.reserve.allocate()
