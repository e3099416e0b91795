"""Copies of a catalog in use: whole, in every place that has room, and never half-written."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests.aged import Aged
from tests.disk import small_disk
from tests.migration.test_migration_fails import make_earlier
from tests.station import Station

from pywats_archive.archive import backups, holds
from pywats_archive.archive.copies.making import Copied, Target, Wanted, copy_catalog
from pywats_archive.archive.copies.place import CopyPlace, in_archive, in_backup_folder
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.repair.recover import recover
from pywats_archive.catalog import copying
from pywats_archive.catalog.copying import examine
from pywats_archive.errors import CatalogDamaged, StorageError


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def copied(aged: Aged, *places: CopyPlace, **wanted: object) -> tuple[Copied, ...]:
    """Copy the catalog; into the archive alone unless ``places`` are given."""
    targets = [Target(place=place) for place in places or [in_archive(aged.archive.root)]]
    asked = Wanted(archive_uuid=aged.archive.description.archive_uuid, at=aged.now, **wanted)  # type: ignore[arg-type]
    return copy_catalog(aged.archive.catalog, targets, asked)


def unpacked(place: CopyPlace, folder: Path) -> Path:
    """Return the newest copy of a place as a database, unpacked by gzip."""
    newest = place.newest()
    assert newest
    target = folder / f"{newest.name}.db"
    with target.open("wb") as stream:
        subprocess.run(["gzip", "-dc", place.path / newest.name], stdout=stream, check=True)
    return target


def rows(path: Path) -> list[str]:
    """Return all rows of a database as SQL."""
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir()) if folder.exists() else []


def test_a_copy_has_every_row_in_both_places_and_says_what_it_is(aged: Aged, tmp_path: Path) -> None:
    """Any tool unpacks it, and its header names the archive and the end of the history (invariant 6)."""
    (tmp_path / "elsewhere").mkdir()
    for number in range(5):
        aged.add(days_ago=number)
    places = in_archive(aged.archive.root), in_backup_folder(tmp_path / "elsewhere", "0" * 36)
    done = copied(aged, *places)
    assert [each.failure for each in done] == [None, None] and done[0].state == done[1].state
    assert names(tmp_path / "elsewhere" / ("0" * 36)) == names(aged.archive.root / "backups")
    for place in places:
        assert rows(unpacked(place, tmp_path)) == rows(aged.archive.catalog.path)
        newest = place.newest()
        assert newest
        about = place.blobs.label(place.path_of(newest)).metadata
        assert (about["kind"], about["entries"]) == ("catalog", 5)
        assert about["archive_uuid"] == aged.archive.description.archive_uuid
    if os.name == "posix":
        assert (aged.archive.root / "backups").stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o077 for path in (aged.archive.root / "backups").iterdir()} == {0}


def test_writers_commit_meanwhile_and_the_copy_is_of_one_moment(
    aged: Aged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two steps an entry is held; the copy ends with the state of its beginning."""
    monkeypatch.setattr(copying, "_PAGES_PER_STEP", 5)  # a small catalog in many steps
    entry = aged.add()
    held: list[str] = []

    def hold_once() -> None:
        if not held:
            held.append(entry.archive_id)
            holds.hold(aged.archive, entry.archive_id, reason="inquiry", actor="qm")

    (done,) = copied(aged, may_continue=hold_once)
    assert done.failure is None and held and aged.archive.entry(entry.archive_id).hold_reason == "inquiry"
    with closing(sqlite3.connect(unpacked(in_archive(aged.archive.root), tmp_path))) as db:
        assert db.execute("SELECT hold_reason FROM archive_entries").fetchall() == [(None,)]


def test_a_place_that_fails_stops_no_other(aged: Aged, tmp_path: Path) -> None:
    """The backup folder's share is away: it is not created, and the archive gets its copy."""
    aged.add()
    away, own = in_backup_folder(tmp_path / "away", "u"), in_archive(aged.archive.root)
    for order in ((away, own), (own, away)):
        aged.now += timedelta(days=1)
        failures = {done.path.name: done.failure for done in copied(aged, *order)}
        assert "mount its disk or share" in str(failures.pop("u")) and list(failures.values()) == [None]
    assert not (tmp_path / "away").exists() and len(own.copies()) == 2


def test_a_failure_at_any_step_leaves_the_earlier_copies_and_no_half_one(aged: Aged) -> None:
    """The next copy succeeds (invariant 5)."""
    aged.add()
    (first,) = copied(aged)
    steps: list[str] = []
    aged.now += timedelta(days=1)
    copied(aged, in_archive(aged.archive.root, on_step=steps.append))
    aged.now += timedelta(days=1)
    for number in range(len(steps)):
        passed = iter(range(len(steps)))

        def fail(name: str, at: int = number, passed: Iterator[int] = passed) -> None:
            if next(passed, None) == at:
                raise OSError(5, "no luck", name)

        (done,) = copied(aged, in_archive(aged.archive.root, on_step=fail))
        assert (done.failure is None) == (steps[number] == "unlink" or done.size_bytes > 0)
        assert not [name for name in names(aged.archive.root / "backups") if name.endswith(".part")]
        aged.now += timedelta(seconds=1)
    assert first.path.exists() and {"open", "write", "fsync", "publish", "fsync_folder"} <= set(steps)


def test_a_copy_that_reads_back_wrong_takes_no_other_ones_place(aged: Aged) -> None:
    """The disk spoilt it: it is removed, and the sound copy of the same day stays."""
    aged.add()
    (sound,) = copied(aged)
    aged.now += timedelta(seconds=1)
    folder = aged.archive.root / "backups"

    def spoil(name: str) -> None:
        new = [path for path in folder.glob("*_metadata.db.gz") if path != sound.path]
        if name == "fsync_folder" and new:
            new[0].chmod(0o600)
            content = new[0].read_bytes()
            new[0].write_bytes(content[:-20] + bytes([content[-20] ^ 0xFF]) + content[-19:])

    (done,) = copied(aged, in_archive(aged.archive.root, on_step=spoil))
    assert done.failure and names(folder) == [sound.path.name]


def test_a_stop_between_two_steps_ends_the_copy(aged: Aged) -> None:
    """A service that stops does not wait for the copy of a large catalog."""

    class StopNow(Exception):
        pass

    def stop() -> None:
        raise StopNow

    aged.add()
    with pytest.raises(StopNow):
        copied(aged, may_continue=stop)
    assert names(aged.archive.root / "backups") == []


_KILLED = """
import os, signal, sys
from pathlib import Path
from pywats_archive.archive.copies.making import Target, Wanted, copy_catalog
from pywats_archive.archive.copies.place import in_archive
from pywats_archive.archive.core import Archive
root, at = Path(sys.argv[1]), int(sys.argv[2])
passed = iter(range(99))
def kill(name):
    if next(passed) == at:
        os.kill(os.getpid(), signal.SIGKILL)
with Archive.open(root, own=True) as archive:
    wanted = Wanted(archive_uuid=archive.description.archive_uuid, at=archive.now())
    copy_catalog(archive.catalog, [Target(place=in_archive(root, on_step=kill))], wanted)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
@pytest.mark.parametrize("step", [4, 5, 6])
def test_a_kill_leaves_no_half_copy_after_the_next_start(aged: Aged, step: int) -> None:
    """Killed amid a copy; recovery removes what it left, and a copy can be made (invariant 5)."""
    aged.add()
    root = aged.archive.root
    aged.archive.close()
    done = subprocess.run([sys.executable, "-c", _KILLED, root, str(step)], check=False)
    assert done.returncode == -signal.SIGKILL and names(root / "backups")
    recover(aged.open())
    assert all(place.newest() for place in [in_archive(root)] if names(root / "backups"))
    (made,) = copied(aged)
    assert made.failure is None and not [name for name in names(root / "backups") if name.endswith(".part")]


def test_a_full_disk_gets_no_copy_and_keeps_its_reserve(tmp_path: Path) -> None:
    """A copy is skipped, with the reason, before anything else suffers."""
    with small_disk(tmp_path / "disk", 60) as disk:
        aged = Aged(disk.mount_point)
        aged.add()
        disk.fill(leave_bytes=1_000_000)
        (done,) = copied(aged)
        assert "must stay free" in str(done.failure) and (aged.archive.root / "reserve").stat().st_size > 0
        assert aged.archive.reserve.trouble() is None
        aged.archive.close()


def test_what_is_not_sound_is_no_copy(aged: Aged, tmp_path: Path) -> None:
    """A damaged page and a cut chain are found when a copy is examined (invariant 8)."""
    aged.add()
    copied(aged)
    whole = unpacked(in_archive(aged.archive.root), tmp_path)
    assert examine(whole).entries == 1
    with closing(sqlite3.connect(whole)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE events SET actor = 'nobody' WHERE sequence = 2")
        db.commit()
    with pytest.raises(CatalogDamaged, match="broken at event 2"):
        examine(whole)
    whole.write_bytes(whole.read_bytes()[:-5000])
    with pytest.raises(CatalogDamaged, match="not a sound catalog"):
        examine(whole)


def test_the_catalog_of_an_earlier_version_is_copied_before_it_is_migrated(tmp_path: Path) -> None:
    """What a new version changes can be taken back."""
    Aged(tmp_path).archive.close()
    root = tmp_path / "archive"
    for path in root.glob("metadata.db*"):
        path.unlink()
    make_earlier(root / layout.CATALOG)
    Archive.open(root).close()
    place = in_archive(root)
    (copy,) = place.copies()
    assert copy.is_before_migration and place.blobs.label(place.path_of(copy)).metadata["version"] == "0008"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with Archive.open(root) as archive:
        wanted = Wanted(archive_uuid=archive.description.archive_uuid, at=archive.now() + timedelta(days=1))
        target = Target(place=in_backup_folder(elsewhere, archive.description.archive_uuid))
        assert [done.failure for done in backups.make(archive, [target], wanted)] == [None]
        assert [each.is_before_migration for each in target.place.copies()] == [True, False]


def test_a_service_copies_what_an_earlier_run_archived(tmp_path: Path) -> None:
    """The second start copies into the archive and the backup folder; a backup folder that is away is logged and no error."""
    with Station(tmp_path) as station:
        station.keys["backup_folder"] = "elsewhere"
        watch = station.add("c")
        (watch / "SN1.log").write_text("x")
        station.run()
        assert names(station.archive_root / "backups") == []
        station.run()
        assert len(names(station.archive_root / "backups")) == 1
        (tmp_path / "elsewhere").mkdir()
        station.run()
        (folder,) = (tmp_path / "elsewhere").iterdir()
        assert len(names(folder)) == len(names(station.archive_root / "backups")) == 1


def test_a_folder_that_cannot_be_listed_is_an_error_and_not_empty(tmp_path: Path) -> None:
    """Otherwise a copy would be made again and again."""
    (tmp_path / "backups").write_text("a file")
    with pytest.raises(StorageError, match="cannot be listed"):
        in_archive(tmp_path).copies()
