"""Making the bytes of several files durable together, on every kind of system."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.blobs.flusher import Flusher, LinuxVolume, volume_of
from pywats_archive.blobs.temporary import TemporaryFile
from pywats_archive.portable.volumes import FileSystem

FILES = 12


class Disk:
    """A file system and the clock beside it: each call of ``sync`` takes ``takes_s``, or fails."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.takes_s = 0.01
        self.error: OSError | None = None
        self.calls: list[str] = []

    def write_out(self, descriptor: int) -> None:
        os.fstat(descriptor)
        self.calls.append("write_out")

    def sync(self, descriptor: int) -> None:
        os.fstat(descriptor)
        self.calls.append("sync")
        self.now_s += self.takes_s
        if self.error:
            raise self.error


class Station:
    """A folder with a flusher, and the steps that it makes."""

    def __init__(self, folder: Path, disk: Disk | None) -> None:
        self.folder = folder
        self.steps: list[str] = []
        self.flusher = Flusher(str(folder), self.step, clock=lambda: disk.now_s if disk else 0.0)
        self.flusher.volume = disk
        self._count = 0

    def step(self, name: str) -> None:
        self.steps.append(name)

    def flush(self, count: int = FILES, *, bad: int | None = None) -> list[OSError | None]:
        """Write and flush files; the fsync of file ``bad`` fails."""
        self.steps.clear()
        with self.flusher.opened() as flush:
            files = [self._file(is_bad=number == bad) for number in range(count)]
            outcomes = flush(files)
        for file in files:
            file.discard()
        return outcomes

    def _file(self, *, is_bad: bool) -> TemporaryFile:
        self._count += 1
        file = TemporaryFile(str(self.folder / f"{self._count}.part"), self._failing if is_bad else self.step)
        file.complete(b"bytes", is_reserved=False)
        return file

    def _failing(self, name: str) -> None:
        if name == "fsync":
            raise OSError(errno.EIO, "bad block")


@pytest.mark.posix("syncfs is called on an open folder")
def test_one_call_serves_all_files(tmp_path: Path) -> None:
    """Every file begins to be written, then the file system is synced once, and no file is fsynced."""
    disk = Disk()
    station = Station(tmp_path, disk)
    assert station.flush() == [None] * FILES
    assert disk.calls == [*["write_out"] * FILES, "sync"]
    assert station.steps.count("syncfs") == 1 and "fsync" not in station.steps


def test_without_such_a_file_system_each_file_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file gets its own fsync, of its own bytes."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    assert Station(tmp_path, None).flush() == [None] * FILES
    assert len(set(synced)) == FILES


@pytest.mark.posix("syncfs is called on an open folder")
def test_a_file_that_cannot_be_synced_harms_no_other(tmp_path: Path) -> None:
    """The error is that of the one file, whether the file system was tried as a whole before or not."""
    disk = Disk()
    disk.error = OSError(errno.EIO, "bad block")
    for station in (Station(tmp_path, None), Station(tmp_path, disk)):
        outcomes = station.flush(bad=3)
        assert [number for number, error in enumerate(outcomes) if error] == [3]
    assert disk.calls.count("sync") == 1


@pytest.mark.posix("syncfs is called on an open folder")
@pytest.mark.parametrize("trouble", ["slow", "fails"])
def test_a_slow_or_failing_call_is_not_made_for_a_while(tmp_path: Path, trouble: str) -> None:
    """Another program's unwritten files make the call slow: fsyncs are used for a minute, and then it is tried again."""
    disk = Disk()
    station = Station(tmp_path, disk)
    disk.takes_s, disk.error = (3.0, None) if trouble == "slow" else (0.01, OSError(errno.ENOSYS, "no such call"))
    assert station.flush() == [None] * FILES
    disk.takes_s, disk.error = 0.01, None
    station.flush()
    assert disk.calls.count("sync") == 1 and station.steps.count("fsync") == FILES
    disk.now_s += 61
    station.flush()
    assert disk.calls.count("sync") == 2 and "fsync" not in station.steps


@pytest.mark.posix("syncfs is called on an open folder")
def test_a_slow_disk_is_no_reason_for_fsyncs(tmp_path: Path) -> None:
    """A call that takes no longer than the fsyncs of as many files on a disk that turns is used again."""
    disk = Disk()
    disk.takes_s = 0.19
    station = Station(tmp_path, disk)
    station.flush()
    station.flush()
    assert disk.calls.count("sync") == 2


@pytest.mark.posix("syncfs is called on an open folder")
def test_the_folder_is_open_before_the_first_byte_is_written(tmp_path: Path) -> None:
    """Errors are reported from the opening of the folder on, so that comes before the files, and is closed in the end."""
    opened: list[int] = []

    class Noting(Disk):
        def sync(self, descriptor: int) -> None:
            opened.append(descriptor)
            assert os.path.samestat(os.fstat(descriptor), tmp_path.stat())

    station = Station(tmp_path, Noting())
    with station.flusher.opened() as flush:
        file = TemporaryFile(str(tmp_path / "a.part"), station.step)
        file.complete(b"a", is_reserved=False)
        flush([file])
        assert opened[0] < file.descriptor  # the lowest free number is the next one
        file.discard()
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(opened[0])


def test_a_file_on_another_disk_is_synced_itself(tmp_path: Path) -> None:
    """A disk that is mounted below the archive's folder is not reached by the call for that folder (invariant 1)."""
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    disk = Disk()
    station = Station(tmp_path, disk)
    with station.flusher.opened() as flush, tempfile.TemporaryDirectory(dir=other) as mounted:
        files = [TemporaryFile(str(folder / "a.part"), station.step) for folder in (tmp_path, Path(mounted))]
        for file in files:
            file.complete(b"a", is_reserved=False)
        assert flush(files) == [None, None]
        for file in files:
            file.discard()
    assert station.steps.count("fsync") == 2 and disk.calls == []


def test_nothing_to_flush_makes_no_call(tmp_path: Path) -> None:
    """A batch without any file does not write what other programs have."""
    disk = Disk()
    assert Station(tmp_path, disk).flush(0) == [] and disk.calls == []


def _found(kind: str) -> Callable[[str], FileSystem | None]:
    return lambda folder: FileSystem(kind=kind, mount_point="/")


@pytest.mark.parametrize(
    ("system", "release", "kind", "is_used"),
    [
        ("linux", "6.1.0-18-amd64", "ext4", True),
        ("linux", "5.17.0", "xfs", True),
        ("linux", "6.8", "btrfs", True),
        ("linux", "5.16.20-generic", "ext4", False),
        ("linux", "5.4.0", "ext4", False),
        ("linux", "unknown", "ext4", False),
        ("linux", "6.1.0", "nfs4", False),
        ("linux", "6.1.0", "overlay", False),
        ("linux", "6.1.0", "tmpfs", False),
        ("win32", "10", "ntfs", False),
        ("darwin", "22.6.0", "apfs", False),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="opens Linux' C library")
def test_it_is_used_where_it_reports_errors(system: str, release: str, kind: str, is_used: bool) -> None:
    """Linux 5.17 or newer, on a local file system with a log of its own; nowhere else."""
    found = volume_of("/somewhere", system=system, release=lambda: release, find=_found(kind))
    assert (found is not None) == is_used


@pytest.mark.skipif(sys.platform != "linux", reason="calls Linux' C library")
def test_the_calls_of_this_system_do_what_they_say(tmp_path: Path) -> None:
    """The real calls succeed on an open folder, and report what is wrong with a closed one."""
    volume = LinuxVolume(ctypes.CDLL(None, use_errno=True))
    descriptor = os.open(tmp_path, os.O_RDONLY)
    volume.write_out(descriptor)
    volume.sync(descriptor)
    os.close(descriptor)
    with pytest.raises(OSError) as failed:
        volume.sync(descriptor)
    assert failed.value.errno == errno.EBADF


@pytest.mark.skipif(sys.platform != "linux", reason="Linux' C library")
def test_a_library_without_the_calls_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old or small C library has no syncfs."""

    real = ctypes.CDLL(None)

    class Library:
        syncfs = real.getpid

    def opened(*arguments: Any, **more: Any) -> Library:
        return Library()

    monkeypatch.setattr(ctypes, "CDLL", opened)
    assert volume_of("/", release=lambda: "6.1", find=_found("ext4")) is None
