"""Real folders, and what is told of them when something does not work there."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.lock_trial import Exclusion, Sharing, try_lock, try_sharing
from pywats_archive.client import Client
from pywats_archive.doctor.examination import Examination, Examined, examine_archive, examine_station
from pywats_archive.doctor.findings import Check, Result
from pywats_archive.doctor.places import PROBE_PREFIX
from pywats_archive.doctor.trials import Means
from pywats_archive.doctor.verdict import Level
from pywats_archive.errors import CatalogError, UsageError
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.portable.volumes import FileSystem

DISK = FileSystem(kind="ext4", mount_point="/")
ON_DISK = Means(file_system=lambda folder: DISK, free_bytes=lambda folder: 10**12)
"""Whatever the tests lie on, it counts as a disk."""
SHARED_MEMORY = Path("/dev/shm")
posix = pytest.mark.skipif(os.name == "nt", reason="modes and accounts are POSIX'")


def fails(code: int = errno.EIO) -> Any:
    """Make a call that fails with an error of the system's."""

    def call(*arguments: object, **more: object) -> Any:
        raise OSError(code, os.strerror(code))

    return call


def replaces(source: Path, target: Path) -> None:
    """Rename as POSIX does: whatever has the name is gone."""
    source.replace(target)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive that was made and closed."""
    Archive.open(tmp_path / "archive", create=True, own=True).close()
    return tmp_path / "archive"


def only(examination: Examination) -> Examined:
    """Give the only folder."""
    (folder,) = examination.folders
    return folder


def result(examined: Examined, check: Check) -> Result:
    """Give how a check of a folder ended."""
    return next(outcome.result for outcome in examined.findings.outcomes if outcome.check is check)


def station_config(tmp_path: Path, **keys: Any) -> Path:
    """Write a configuration of one converter, with all its folders made."""
    for name in ("watch", "Done", "Error", "Pending"):
        (tmp_path / "ict" / name).mkdir(parents=True, exist_ok=True)
    section = {"name": "ICT", "module_path": "own.Any", "watch_folder": "ict/watch", "file_patterns": ["*"], **keys}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"converters": [section]}), encoding="utf-8")
    return path


def examined(config: Path, means: Means = ON_DISK) -> dict[str, Examined]:
    """Examine a configuration; gives each folder by its name."""
    folders = examine_station(read_station_config(config), means).folders
    return {Path(folder.findings.path).name: folder for folder in folders}


def probes(folder: Path) -> list[Path]:
    """Find what a probe left behind."""
    return list(folder.rglob(f"{PROBE_PREFIX}*"))


@posix
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_sound_folders_are_full_and_left_as_they_were(tmp_path: Path, archive: Path, kind: str) -> None:
    """On a disk where all works every folder is full, everything was tried, and no probe is left."""
    before = sorted(archive.rglob("*"))
    folders = examined(station_config(tmp_path, converter_type=kind, archive_enabled=True))
    assert {name: folder.verdict.level for name, folder in folders.items()} == dict.fromkeys(
        ("archive", "watch", "Done", "Error", "Pending"), Level.FULL
    )
    for name, folder in folders.items():
        bad = [o for o in folder.findings.outcomes if o.result not in (Result.OK, Result.SKIPPED)]
        assert not bad and folder.findings.tried_in == folder.findings.path, (name, bad)
    assert result(folders["Done"], Check.ARRIVING) is Result.OK
    assert result(folders["Done"], Check.FOLDER_MOVE) is (Result.OK if kind == "folder" else Result.SKIPPED)
    assert result(folders["watch"], Check.EVENTS) is Result.OK
    assert sorted(archive.rglob("*")) == before and not probes(tmp_path)


@posix
@pytest.mark.parametrize(
    ("check", "means", "level"),
    [
        (Check.FILE_SYNC, replace(ON_DISK, sync_file=fails()), Level.BROKEN),
        (Check.FOLDER_SYNC, replace(ON_DISK, sync_folder=lambda folder: False), Level.GOOD),
        (Check.HARD_LINK, replace(ON_DISK, link=fails(errno.EPERM)), Level.GOOD),
        (Check.EXCLUSIVE, replace(ON_DISK, rename_exclusive=replaces), Level.BROKEN),
        (Check.LOCK, replace(ON_DISK, lock=lambda path: Exclusion.LET_IN), Level.POOR),
        (Check.LOCK, replace(ON_DISK, lock=lambda path: Exclusion.MARKER), Level.GOOD),
        (Check.LOCK, replace(ON_DISK, lock=fails(errno.ENOLCK)), Level.POOR),
        (Check.CATALOG, replace(ON_DISK, share=lambda p: Sharing(journal_mode="delete", is_shared=True)), Level.GOOD),
        (Check.CATALOG, replace(ON_DISK, share=lambda p: Sharing(journal_mode="wal", is_shared=False)), Level.BROKEN),
        (Check.SPACE, replace(ON_DISK, free_bytes=lambda folder: 1000), Level.POOR),
        (Check.CLOCK, replace(ON_DISK, now_s=lambda: time.time() + 3600), Level.GOOD),
    ],
)
def test_what_does_not_work_is_told(archive: Path, check: Check, means: Means, level: Level) -> None:
    """Each thing that fails lowers the level by its weight, says what to change, and leaves no probe."""
    folder = only(examine_archive(archive, means))
    assert folder.verdict.level is level, folder
    assert result(folder, check) in (Result.WEAK, Result.FAILED)
    assert folder.verdict.advice[0].change and not probes(archive)


@pytest.mark.parametrize("hears", [lambda *a, **k: False, fails(errno.ENOSPC)])
def test_events_that_do_not_come_are_told(tmp_path: Path, hears: Any) -> None:
    """A watch folder without change events is a weaker one, not a full disk (Linux says ENOSPC for too many watches)."""
    folders = examined(station_config(tmp_path), replace(ON_DISK, hears=hears))
    assert result(folders["watch"], Check.EVENTS) is Result.FAILED
    assert result(folders["watch"], Check.LONG_NAMES) is Result.OK
    assert any("within a minute" in advice.means for advice in folders["watch"].verdict.advice)


def test_done_on_another_file_system_is_told(tmp_path: Path) -> None:
    """Where a source must be copied into Done instead of renamed, that is said (by the rename itself, not by numbers)."""

    def across(source: Path, target: Path) -> None:
        if source.parent.parent != target.parent.parent and source.parent != target.parent:
            raise OSError(errno.EXDEV, "another device")
        ON_DISK.rename_exclusive(source, target)

    folders = examined(station_config(tmp_path), replace(ON_DISK, rename_exclusive=across))
    assert result(folders["Done"], Check.ARRIVING) is Result.WEAK
    assert folders["Done"].verdict.level is not Level.FULL
    assert "same file system" in " ".join(advice.change for advice in folders["Done"].verdict.advice)


@pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason="there is no /dev/shm")
def test_what_lies_in_memory_is_poor(tmp_path: Path) -> None:
    """A real tmpfs answers every call and is called poor, and a move into it is a copy."""
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as memory:
        folders = examined(station_config(tmp_path, done_folder=f"{memory}/Done-in-memory"), Means())
        done = folders["Done-in-memory"]
        assert done.findings.file_system is not None and done.findings.file_system.kind == "tmpfs"
        assert done.verdict.level is Level.POOR and result(done, Check.ARRIVING) is Result.WEAK
        assert only(examine_archive(Path(memory))).verdict.level is Level.POOR
        assert not list(Path(memory).iterdir())


@contextmanager
def without_rights() -> Iterator[None]:
    """Act as an account that owns nothing, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        path.chmod(0o700)
    shutil.rmtree(folder)


@posix
@pytest.mark.parametrize(("mode", "told"), [(0o555, "write"), (0o000, "Permission denied")])
def test_a_folder_without_rights_is_broken(open_folder: Path, mode: int, told: str) -> None:
    """A read-only or closed folder is broken, with advice about rights, and nothing else is tried."""
    config = station_config(open_folder)
    station = read_station_config(config)
    (open_folder / "ict" / "watch").chmod(mode)
    with without_rights():
        folders = examine_station(station, ON_DISK).folders
    watch = next(folder for folder in folders if folder.findings.path.endswith("watch"))
    assert watch.verdict.level is Level.BROKEN
    assert told in f"{watch.verdict.advice[0].means} {watch.verdict.advice[0].change}"


def test_a_full_disk_is_told_as_such(archive: Path) -> None:
    """Where not even a probe fits, space is named, not rights."""
    folder = only(examine_archive(archive, replace(ON_DISK, sync_file=fails(errno.ENOSPC))))
    assert result(folder, Check.SPACE) is Result.FAILED and folder.verdict.level is Level.BROKEN
    assert "free some space" in folder.verdict.advice[0].change and not probes(archive)


def test_a_missing_folder_is_tried_above(tmp_path: Path) -> None:
    """A missing Done or archive is a remark, a missing watch folder is not; none is made."""
    config = station_config(tmp_path, archive_enabled=True)
    for name in ("watch", "Done"):
        (tmp_path / "ict" / name).rmdir()
    folders = examined(config)
    assert folders["watch"].verdict.level is Level.POOR
    assert result(folders["Done"], Check.THERE) is Result.WEAK
    assert folders["Done"].findings.tried_in == str(tmp_path / "ict")
    assert folders["archive"].findings.tried_in == str(tmp_path)
    assert sorted(p.name for p in (tmp_path / "ict").iterdir()) == ["Error", "Pending"]


def test_a_file_in_its_place_is_broken(tmp_path: Path) -> None:
    """A file where a folder should be cannot be used."""
    (tmp_path / "archive").write_bytes(b"")
    folder = only(examine_archive(tmp_path / "archive", ON_DISK))
    assert folder.verdict.level is Level.BROKEN and "not a folder" in folder.verdict.advice[0].means


def test_a_folder_that_does_not_answer_stops_nobody(tmp_path: Path) -> None:
    """A share that hangs is told after a while; the others have their answers."""
    hang = threading.Event()

    def sync_file(path: Path) -> None:
        if "Error" in str(path):
            hang.wait(PATIENCE_S)

    folders = examined(station_config(tmp_path), replace(ON_DISK, sync_file=sync_file, limit_s=4))
    hang.set()
    assert folders["Error"].verdict.level is Level.BROKEN and "no answer" in folders["Error"].verdict.advice[0].means
    assert result(folders["Done"], Check.EXCLUSIVE) is Result.OK
    wait_for(lambda: not probes(tmp_path))


@posix
def test_an_archive_that_others_can_enter_is_told(archive: Path) -> None:
    """An archive folder that is not 0700 is a weaker one."""
    archive.chmod(0o755)
    folder = only(examine_archive(archive, ON_DISK))
    assert folder.verdict.level is Level.GOOD and "chmod 700" in folder.verdict.advice[0].change


@pytest.mark.long
def test_a_running_service_is_not_disturbed(station: Station) -> None:
    """Beside a service that takes everything at once, no probe is ever seen as a source, and its work goes on."""
    keys: dict[str, Any] = {"file_patterns": ["*"], "folder_patterns": ["*"], "settle_seconds": 0}
    files = station.add("files", **keys)
    folders = station.add("folders", converter_type="folder", **keys)
    both = station.add("both", **keys)
    station.sections.append({**station.sections[-1], "name": "both-folders", "converter_type": "folder"})
    config = read_station_config(station.write_config())
    with station.serving():
        wait_for((station.archive_root / "archive.json").exists)
        for _ in range(3):
            found = {f.findings.path: f for f in examine_station(config, ON_DISK).folders}
            assert found[str(files)].findings.tried_in == str(files)
            assert found[str(folders)].findings.tried_in == str(folders)
            assert found[str(both)].findings.tried_in == str(both.parent)
            assert result(found[str(station.archive_root)], Check.LOCK) is Result.OK
        assert station.arrivals() == ()
        (files / "real.log").write_bytes(b"x")
        wait_for(lambda: [a.state for a in station.arrivals()] == [ArrivalState.DONE])
    assert [Path(arrival.path).name for arrival in station.arrivals()] == ["real.log"]
    assert not probes(station.root)


def test_a_probe_left_by_a_killed_doctor_goes_later(tmp_path: Path) -> None:
    """Only old probes are swept: a younger one may belong to another doctor at work."""
    old, young = tmp_path / f"{PROBE_PREFIX}old", tmp_path / f"{PROBE_PREFIX}young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "x").write_bytes(b"x")
    os.utime(old, (1, 1))
    examine_archive(tmp_path, ON_DISK)
    assert not old.exists() and (young / "x").exists()


@pytest.mark.long
@posix
def test_a_doctor_that_is_ended_takes_its_probes_away(tmp_path: Path) -> None:
    """SIGTERM amid the trials leaves no probe."""
    config = station_config(tmp_path)
    command = [sys.executable, "-m", "pywats_archive", "doctor", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as doctor:
        wait_for(lambda: probes(tmp_path) or doctor.poll() is not None)
        doctor.send_signal(signal.SIGTERM)
        doctor.wait(PATIENCE_S)
    assert not probes(tmp_path)


def test_locks_and_wal_are_tried_by_two_processes(tmp_path: Path) -> None:
    """The real trials pass on a local disk; a database that cannot be made is one error of ours."""
    assert try_lock(tmp_path / "lock") is Exclusion.KEPT_OUT
    assert try_sharing(tmp_path / "db") == Sharing(journal_mode="wal", is_shared=True)
    with pytest.raises(CatalogError):
        try_sharing(tmp_path / "missing" / "db")


def test_the_client_asks_for_one_of_two(tmp_path: Path) -> None:
    """``Client.doctor`` takes a configuration or an archive, and opens neither archive nor service."""
    with pytest.raises(UsageError):
        Client.doctor()
    with pytest.raises(UsageError):
        Client.doctor(config=tmp_path, archive=tmp_path)
    assert only(Client.doctor(archive=tmp_path)).findings.path == str(tmp_path)
