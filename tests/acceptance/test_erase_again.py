"""What was erased does not come back: neither with an old copy of the catalog, nor with a bag."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from tests.byte_search import found_in
from tests.command import command
from tests.station import Station

from pywats_archive import Client, ErasureChoice
from pywats_archive.archive import backups
from pywats_archive.archive.copies.making import Target, Wanted

GONE = ("SN700159", "SN700360")


@pytest.fixture
def copies(station: Station) -> Path:
    """A backup folder with a copy of the catalog of three entries; the archive has none."""
    folder = station.root / "copies"
    folder.mkdir()
    station.keys["backup_folder"] = str(folder)
    watch = station.add("ICT", post_action="delete")
    for name in (*GONE, "SN800260"):
        (watch / f"{name}.csv").write_text(f"{name};1\n")
    station.run()
    with station.archive() as archive:
        at = archive.now() - timedelta(days=1)
        target = Target(place=backups.places(archive, folder)[1])
        made = backups.make(archive, [target], Wanted(archive_uuid=archive.description.archive_uuid, at=at))
        assert [each.failure for each in made] == [None]
    shutil.rmtree(station.archive_root / "backups", ignore_errors=True)
    assert found_in(folder, GONE)
    return folder


def config(station: Station) -> Path:
    return station.root / "config.json"


def erase(station: Station, serial: str, reason: str) -> tuple[int, tuple[str, ...]]:
    with Client.from_config(config(station)) as client:
        done = client.erase(ErasureChoice(serial_number=serial), reason=reason)
        return done.entries, done.not_removed


def lose_catalog(station: Station) -> None:
    for path in station.archive_root.glob("metadata.db*"):
        path.unlink()


def rebuild(station: Station) -> None:
    words = ("rebuild", "--archive", station.archive_root, "--backup-folder", station.root / "copies")
    assert command(*words).returncode == 0


def test_an_erasure_is_unfinished_while_the_backup_folder_is_away(station: Station, copies: Path) -> None:
    """The command says what to do, and the next start of the service completes it once the folder is back."""
    away = copies.rename(copies.with_name("away"))
    words = ("erase", "--serial", GONE[0], "--config", config(station), "--reason", "request", "--yes")
    done = command(*words)
    assert done.returncode == 1
    assert f"{copies}: is not a folder; create it, or mount its disk or share" in done.stderr
    assert "The erasure is not finished; the next 'erase' or start of the service completes it" in done.stderr
    assert found_in(station.archive_root, GONE[:1]) == []
    away.rename(copies)
    station.run()
    assert found_in(station.root / "copies", GONE[:1]) == []
    assert not (station.archive_root / ".erasing").exists()


def test_other_entries_are_erased_while_the_backup_folder_is_away(station: Station, copies: Path) -> None:
    """The next request does not wait for the folder; without its name, which the journal would lose, it does."""
    away = copies.rename(copies.with_name("away"))
    assert erase(station, GONE[0], "request 12")[0] == 1
    with Client(station.archive_root) as client:
        done = client.erase(ErasureChoice(serial_number=GONE[1]), reason="request 13")
    assert done.entries == 0 and str(copies) in done.not_removed[0]
    entries, not_removed = erase(station, GONE[1], "request 13")
    assert entries == 1 and str(copies) in not_removed[0] and found_in(station.archive_root, GONE) == []
    away.rename(copies)
    station.run()
    assert found_in(copies, GONE) == [] and not (station.archive_root / ".erasing").exists()


def test_a_copy_that_comes_back_during_an_erasure_brings_nothing_back(station: Station, copies: Path) -> None:
    """A rebuild from the copy of a backup folder that was away erases again."""
    away = copies.rename(copies.with_name("away"))
    entries, not_removed = erase(station, GONE[0], "request 12")
    assert entries == 1 and str(copies) in not_removed[0]
    lose_catalog(station)
    away.rename(copies)
    rebuild(station)
    assert found_in(station.archive_root, GONE[:1]) == found_in(copies, GONE[:1]) == []
    assert len(station.entries()) == 3


def test_a_copy_that_nobody_knew_of_brings_nothing_back(station: Station, copies: Path) -> None:
    """Such as on a disk that was not mounted: the archive notes erasures for good, each with its reason."""
    away = copies.rename(copies.with_name("away"))
    copies.mkdir()
    assert erase(station, GONE[0], "request 12") == (1, ())
    assert erase(station, GONE[1], "request 13") == (1, ())
    lose_catalog(station)
    copies.rmdir()
    away.rename(copies)
    rebuild(station)
    assert found_in(station.archive_root, GONE) == found_in(copies, GONE) == []
    with Client(station.archive_root) as client:
        events = [event for entry in client.entries() for event in client.details(entry.archive_id).events]
    assert sorted(each.details["reason"] for each in events if each.kind == "entry.erased") == [
        "request 12",
        "request 13",
    ]


@pytest.mark.parametrize("lost", ["nothing", "catalog", "log"])
def test_a_bag_does_not_bring_an_erased_entry_back(station: Station, copies: Path, lost: str) -> None:
    """It is refused with the reason, also when the catalog was rebuilt from the blobs alone, or the log of purges is lost."""
    with Client(station.archive_root) as client:
        client.export_bag(station.root / "bag")
    assert erase(station, GONE[0], "request")[0] == 1
    if lost == "log":
        (station.archive_root / "purged.log").unlink()
    if lost == "catalog":
        lose_catalog(station)
        shutil.rmtree(copies / next(copies.iterdir()).name)
        rebuild(station)
        assert len(station.entries()) == 2
    with Client(station.archive_root) as client:
        previewed, done = (
            client.import_bag(station.root / "bag", preview=each, confirmed=True) for each in (True, False)
        )
    assert [each.reason for each in done.refused] == ["was erased here, and stays so; the bag still has it"]
    assert (previewed.refused, done.imported, done.already_there) == (done.refused, 0, 2)
    assert found_in(station.archive_root, GONE[:1]) == []


def test_files_that_a_backup_brings_back_are_removed_by_a_rebuild(station: Station, copies: Path) -> None:
    """From an older copy, and from the blobs alone: the log names the entry; ``verify`` names the files meanwhile."""
    root, backup = station.archive_root, station.root / "files"
    for name in ("sources", "reports"):
        shutil.copytree(root / name, backup / name)
    assert erase(station, GONE[0], "request")[0] == 1
    for entries in (3, 2):
        shutil.copytree(backup, root, dirs_exist_ok=True)
        assert found_in(root, GONE[:1])
        verified = command("verify", "--archive", root)
        assert (
            verified.returncode == 1 and verified.stdout.count("its entry was purged, and the file is still there") == 2
        )
        lose_catalog(station)
        rebuild(station)
        assert found_in(root, GONE[:1]) == [] and len(station.entries()) == entries
        for folder in (copies, root / "backups"):
            shutil.rmtree(folder, ignore_errors=True)
