"""Whatever happens to a station, its vault and the indexer: each entry is in the index once, as the station has it."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.unit.plant.stations import Made, PlantStation, indexed, of_plant, of_stations
from tests.unit.replication.test_false_repairs import forge

from pywats_archive import Client, ErasureChoice
from pywats_archive.archive import holds
from pywats_archive.archive.repair.rebuild import Rebuilding, rebuild
from pywats_archive.client.plant.index import Plant
from pywats_archive.errors import AnotherHistory, ArchiveInUse, UsageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.plant.entry import PlantFilter
from pywats_archive.models.query import EntryFilter
from pywats_archive.plant import manifest as manifests
from pywats_archive.plant.indexing import Indexing
from pywats_archive.replication.repair.putting import Repairing
from pywats_archive.replication.restoring import restore
from pywats_archive.vault.folder import FolderVault

PASSED = Made(status=ConversionStatus.SUCCESS, units=(0,))
FAILED = Made(status=ConversionStatus.FAILED, error=1)
EVERYTHING = EntryFilter()
EVERYTHING_OF_PLANT = PlantFilter()
Stations = Callable[[str], PlantStation]


def is_same(plant: Plant, *roots: Path) -> bool:
    """Whether the plant has exactly the entries of the stations."""
    with Client(list(roots)) as client:
        theirs = of_stations(client, EVERYTHING)
    return sorted(of_plant(plant, EVERYTHING), key=repr) == sorted(theirs, key=repr)


def texts(folder: Path) -> bytes:
    """Return all that an index has on the disk, decompressed."""
    import duckdb  # noqa: PLC0415

    found = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for path in folder.rglob("*.parquet"):
        found += repr(duckdb.sql(f"SELECT * FROM '{path}'").fetchall()).encode()
    return found


class Killed(BaseException):
    """Ends a run of the indexer as a kill does: nothing after it runs."""


@pytest.mark.long
def test_killed_at_any_step_the_next_run_completes_the_index(
    station: Stations, vault: FolderVault, tmp_path: Path
) -> None:
    """Each step is tried, of runs that write, replace, merge and remove; readers see a whole state in between."""
    first, second = station("a"), station("b")
    for each in (first, second):
        for drawn in (PASSED, FAILED, PASSED):
            each.add(drawn)
        each.ship(limit_bytes=3000)
    folder = tmp_path / "index"
    indexed(folder, vault, batch_rows=3)
    for step in itertools.count():
        first.convert(first.archive.find(EVERYTHING, limit=1).items[0], PASSED)
        first.add(FAILED)
        first.ship()
        left = itertools.count()
        day = first.aged.now + timedelta(days=10 + step)

        def kill(name: str, left: Any = left, step: int = step) -> None:
            if next(left) == step:
                raise Killed(name)

        try:
            Indexing(folder, vault, batch_rows=3, on_step=kill, clock=lambda day=day: day).run()  # type: ignore[misc]
        except Killed:
            assert Plant(folder).find(EVERYTHING_OF_PLANT).total >= 6
            made = indexed(folder, vault, batch_rows=3)
        else:
            break
        known = {each.name for each in manifests.require(folder).files}
        assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")} == known
    assert step > 8
    assert is_same(made, first.archive.root, second.archive.root)


def test_only_one_process_fills_an_index(station: Stations, vault: FolderVault, tmp_path: Path) -> None:
    """A second one is refused at once; so is another vault."""
    station("a").ship()
    folder = tmp_path / "index"
    refused: list[str] = []

    def again(name: str) -> None:
        with pytest.raises(ArchiveInUse, match="another 'plant index'"):
            Indexing(folder, vault).run()
        refused.append(name)

    Indexing(folder, vault, on_step=again).run()
    assert refused
    shutil.copytree(vault.url, tmp_path / "other")
    with pytest.raises(UsageError, match="is the index of"):
        Indexing(folder, FolderVault(tmp_path / "other")).run()


def test_what_changes_several_times_a_day_is_as_it_was_last(
    station: Stations, vault: FolderVault, tmp_path: Path
) -> None:
    """Each run adds a file; the newest one counts, also once there are so many that they are written as one."""
    one, folder = station("a"), tmp_path / "index"
    entry = one.add(PASSED)
    for number in range(18):
        one.convert(entry, FAILED if number % 2 else PASSED)
        one.ship()
        made = indexed(folder, vault, clock=lambda: one.aged.now)
        assert is_same(made, one.archive.root)
    files = manifests.require(folder).files
    assert len(files) <= 16 and not any(each.month for each in files)


def test_the_end_of_a_year_and_a_clock_that_is_set_back_lose_nothing(
    station: Stations, vault: FolderVault, tmp_path: Path
) -> None:
    """Entries of one minute are in the files of two months; a run that seems to be before the last one adds what is new."""
    one, folder = station("a"), tmp_path / "index"
    one.aged.now = datetime(2026, 12, 31, 23, 59, 50, tzinfo=timezone.utc)
    for number in range(4):
        one.add(PASSED)
        one.ship()
        day = datetime(2027, 1, 2 + number, tzinfo=timezone.utc)
        indexed(folder, vault, clock=lambda day=day: day)
    months = {each.month for each in manifests.require(folder).files}
    assert {"2026-12", "2027-01"} <= months
    one.add(FAILED)
    one.ship()
    made = indexed(folder, vault, clock=lambda: datetime(2020, 1, 1, tzinfo=timezone.utc))
    assert is_same(made, one.archive.root)
    made = indexed(folder, vault, clock=lambda: datetime(2027, 2, 1, tzinfo=timezone.utc))
    assert is_same(made, one.archive.root)
    assert {each.month for each in manifests.require(folder).files} == {"2026-12", "2027-01"}


def test_a_rebuilt_station_has_each_entry_once(station: Stations, vault: FolderVault, tmp_path: Path) -> None:
    """A rebuild begins another history in the vault; what it says counts, and reports are not counted twice."""
    one = station("a")
    for drawn in (PASSED, FAILED, Made(status=ConversionStatus.SUCCESS, units=(0, 1, 5))):
        one.add(drawn)
    one.ship()
    folder = tmp_path / "index"
    indexed(folder, vault)
    with one.closed() as root:
        for path in root.glob("metadata.db*"):
            path.unlink()
        rebuild(root, Rebuilding(clock=lambda: one.aged.now))
    one.add(PASSED)
    one.ship()
    made = indexed(folder, vault)
    assert is_same(made, one.archive.root)
    (seen,) = made.stations().stations
    assert (seen.histories, seen.entries, seen.problems) == (2, 4, ())
    assert len(made.details(one.archive.find(EVERYTHING, limit=9).items[1].archive_id).reports) == 3
    later = one.aged.now + timedelta(days=30)
    merged = indexed(folder, vault, clock=lambda: later)
    assert is_same(merged, one.archive.root)


def test_a_restored_station_goes_on_and_a_copy_of_it_adds_nothing(
    station: Stations, vault: FolderVault, tmp_path: Path
) -> None:
    """The archive that is restored from the vault continues the history; the one that was cloned is refused there."""
    one = station("a")
    one.add(PASSED)
    one.ship()
    folder = tmp_path / "index"
    indexed(folder, vault)
    restore(vault, tmp_path / "again", actor="me")
    one.add(FAILED)  # after the loss: never shipped
    again = PlantStation(tmp_path / "2nd", vault, "a")
    again.archive.close()
    shutil.rmtree(again.archive.root)
    (tmp_path / "again").rename(again.archive.root)
    again.aged.open()
    again.add(PASSED)
    again.ship()
    with pytest.raises(AnotherHistory):
        one.ship()
    made = indexed(folder, vault)
    assert is_same(made, again.archive.root)
    again.archive.close()


def test_an_erasure_removes_the_texts_from_the_index(station: Stations, vault: FolderVault, tmp_path: Path) -> None:
    """The next run leaves them in no file; the entry is there, purged and blank, and the others are as they were."""
    one = station("a")
    erased = one.add(Made(status=ConversionStatus.SUCCESS, units=(3,), warnings=("Erika Mustermann",)))
    one.add(PASSED)
    one.ship()
    folder = tmp_path / "index"
    indexed(folder, vault)
    assert b"Erika" in texts(folder) and "größer*7".encode() in texts(folder)
    with one.closed() as root, Client([root]) as client:
        client.erase(ErasureChoice(archive_ids=(erased.archive_id,)), reason="request")
    one.ship()
    made = indexed(folder, vault)
    assert is_same(made, one.archive.root)
    assert b"Erika" not in texts(folder) and "größer*7".encode() not in texts(folder)
    assert b"SN1" in texts(folder)


def test_a_repair_takes_the_place_of_a_damaged_segment(station: Stations, vault: FolderVault, tmp_path: Path) -> None:
    """Its entries are in the index, and their files come back from it."""
    one = station("a")
    for _ in range(2):
        entry = one.add(PASSED)
        one.ship()
    key = [each.key for each in vault.keys(one.archive.description.archive_uuid)][1]
    Path(vault.url, key).chmod(0o600)
    Path(vault.url, key).write_bytes(b"damaged")
    folder = tmp_path / "index"
    assert [key in each for each in indexed(folder, vault).stations().stations[0].problems] == [True]
    Repairing(one.archive, vault).repair_segment(key)
    made = indexed(folder, vault)
    assert is_same(made, one.archive.root) and not made.stations().stations[0].problems
    (back,) = made.restore([entry.archive_id], tmp_path / "back")
    assert back.error is None
    one.add(PASSED)
    one.ship()
    for again in (folder, tmp_path / "anew"):
        assert not indexed(again, vault).stations().stations[0].problems
    assert is_same(Plant(tmp_path / "anew"), one.archive.root)


def test_a_file_of_a_false_repair_is_not_restored(station: Stations, vault: FolderVault, tmp_path: Path) -> None:
    """Any holder of the station's key can add one; the file comes from an older repair that has what the row says."""
    one = station("a")
    entry = one.add(PASSED)
    one.ship()
    holds.hold(one.archive, entry.archive_id, reason="complaint", actor="ann")
    one.ship()
    made = indexed(tmp_path / "index", vault)
    (found,) = made.entries(EVERYTHING_OF_PLANT)
    key = found.segment
    assert key is not None and key != found.newest_segment
    Repairing(one.archive, vault).repair_segment(key)
    forge(vault, key, 2, content=b"forged")
    Path(vault.url, key).chmod(0o600)
    Path(vault.url, key).write_bytes(b"damaged")
    (back,) = made.restore([entry.archive_id], tmp_path / "back")
    assert back.error is None and back.path is not None
    assert f"sha256:{hashlib.sha256(back.path.read_bytes()).hexdigest()}" == entry.source_checksum


def test_a_damaged_segment_is_named_and_read_once_it_is_sound(
    station: Stations, vault: FolderVault, tmp_path: Path
) -> None:
    """The entries of the others are there; a missing segment is named too, and its events."""
    one = station("a")
    for _ in range(4):
        one.add(PASSED)
        one.ship()
    keys = [each.key for each in vault.keys(one.archive.description.archive_uuid)]
    damaged, missing = Path(vault.url, keys[1]), Path(vault.url, keys[2])
    sound = damaged.read_bytes()
    for path in (damaged, missing):
        path.chmod(0o600)
    damaged.write_bytes(sound[:-200] + b"x" * 200)
    missing.rename(tmp_path / "missing.zip")
    folder = tmp_path / "index"
    made = indexed(folder, vault)
    (seen,) = made.stations().stations
    assert seen.entries == 2 and [keys[1] in each for each in seen.problems] == [True]
    damaged.write_bytes(sound)
    (seen,) = indexed(folder, vault).stations().stations
    assert seen.entries == 3 and [f"{keys[2]}: is missing" in each for each in seen.problems] == [True]
    (tmp_path / "missing.zip").rename(missing)
    made = indexed(folder, vault)
    assert is_same(made, one.archive.root) and not made.stations().stations[0].problems
