"""What only a plant is asked: which station, which error, how often does it fail where; and files of any station."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.plant.stations import Made, PlantStation, indexed

from pywats_archive import Client, ErasureChoice
from pywats_archive.archive import purging
from pywats_archive.client.plant.index import Plant
from pywats_archive.errors import UnknownEntry, UsageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.plant.entry import PlantEntry, PlantFilter
from pywats_archive.models.query import SortKey
from pywats_archive.models.retention.purge import PurgeReason
from pywats_archive.vault.folder import FolderVault

PASSED = Made(status=ConversionStatus.SUCCESS, units=(0,))
FAILS = Made(status=ConversionStatus.SUCCESS, units=(1,))
Stations = Callable[[str], PlantStation]


def found(plant: Plant, **asked: str) -> int:
    return plant.find(PlantFilter(**asked)).total  # type: ignore[arg-type]


def test_a_station_is_named_by_its_computer_or_its_archive(
    station: Stations, vault: FolderVault, tmp_path: Path
) -> None:
    """Two computers of one name are two stations; the uuid of its archive tells one from the other."""
    first, second, third = station("ict-1"), station("ict-1"), station("FCT")
    for each in (first, second, second, third):
        each.add(PASSED)
    for each in (first, second, third):
        each.ship()
    made = indexed(tmp_path / "index", vault)
    asked = ("ict-1", "ICT-*", "fct", "?CT", "ict", second.archive.description.archive_uuid, "")
    assert [found(made, station=each) for each in asked] == [3, 3, 1, 1, 0, 2, 0]
    assert [(each.station, each.entries) for each in made.stations().stations if each.station == "ict-1"] in (
        [("ict-1", 1), ("ict-1", 2)],
        [("ict-1", 2), ("ict-1", 1)],
    )
    with pytest.raises(UsageError, match="names several entries"):
        made.restore(["SN1"], tmp_path)
    assert made.details("sn1", station="FCT").entry.archive_uuid == third.archive.description.archive_uuid


def test_a_name_goes_before_the_beginning_of_a_uuid(station: Stations, vault: FolderVault, tmp_path: Path) -> None:
    """And a whole uuid before a name: no station hides another by its name, and no pattern takes forever."""
    one = station("first")  # no uuid begins so
    uuid = one.archive.description.archive_uuid
    short, whole = station(uuid[0]), station(uuid.upper())
    many = station("a" * 60)
    for number, each in enumerate((one, short, whole, many), 1):
        for _ in range(number):
            each.add(PASSED)
        each.ship()
    made = indexed(tmp_path / "index", vault)
    asked = (uuid[0], uuid, uuid[:8], f"{uuid[:8]}*", "*a" * 30 + "b", "[a]")
    assert [found(made, station=each) for each in asked] == [2, 1, 1, 3, 0, 0]


def test_texts_that_no_entry_has_are_no_error(station: Stations, vault: FolderVault, tmp_path: Path) -> None:
    """What a command line or an address can have: other bytes, impossible dates, quotation marks."""
    one = station("a")
    one.add(Made(status=ConversionStatus.SUCCESS, units=(2,)))
    one.ship()
    made = indexed(tmp_path / "index", vault)
    for odd in ("\udcff", "'; DROP VIEW entries; --", "\\", "%' OR '1'='1"):
        for name in ("serial_number", "part_number", "text", "error", "process", "station", "converter_name"):
            assert found(made, **{name: odd}) == 0, (odd, name)
    for odd in ("a\0b", "x" * 100_000):
        for name in ("serial_number", "part_number", "text", "error", "process", "station", "converter_name"):
            with pytest.raises(UsageError, match=f"{name} = "):
                found(made, **{name: odd})
    for odd in ("20261399120000000_a3f2d9", "99991231995959999_a3f2d9", "\udcff", "'--"):
        with pytest.raises(UnknownEntry):
            made.details(odd)


def test_errors_and_operations_are_found_with_wildcards(station: Stations, vault: FolderVault, tmp_path: Path) -> None:
    """``%`` and ``_`` mean themselves."""
    one = station("a")
    for number in range(4):
        one.add(Made(status=ConversionStatus.FAILED, error=number))
    one.add(Made(status=ConversionStatus.SUCCESS, units=(2,), warnings=("Timeout of 3 s",)))
    one.ship()
    made = indexed(tmp_path / "index", vault)
    asked = ("timeout", "TIMEOUT*relay", "GRÖSSER", "x_y", "xy", "50%", "%", "no header ?ine")
    assert [found(made, error=each) for each in asked] == [2, 1, 0, 1, 0, 1, 1, 1]
    assert [found(made, process=each) for each in ("ict", "I*", "FCT")] == [1, 1, 0]


def test_failure_rates_stand_side_by_side(station: Stations, vault: FolderVault, tmp_path: Path) -> None:
    """By station and converter, or part number: of the units that have a result."""
    first, second = station("a"), station("b")
    for each, several in ((first, (PASSED, FAILS, FAILS)), (second, (PASSED, PASSED))):
        for drawn in several:
            each.add(drawn, converter="FCT")
    second.add(Made(status=ConversionStatus.FAILED, error=0), converter="ICT")
    for each in (first, second):
        each.ship()
    made = indexed(tmp_path / "index", vault)
    rates = [
        (each.name, each.station, each.entries, each.failed, each.units, each.units_failed)
        for each in made.statistics(PlantFilter()).rates
    ]
    assert sorted(rates) == [("FCT", "a", 3, 0, 3, 2), ("FCT", "b", 2, 0, 2, 0), ("ICT", "b", 1, 1, 0, 0)]
    parts = {each.name for each in made.statistics(PlantFilter(), by="part").rates}
    assert parts == {"P-100", "p-100", None}


def test_a_source_comes_back_from_the_vault_although_its_station_purged_it(
    station: Stations, vault: FolderVault, tmp_path: Path
) -> None:
    """With its name, its bytes and its companions; an erased one does not."""
    one = station("a")
    kept, erased = one.add(PASSED, companion=True), one.add(FAILS)
    content = b"".join(one.archive.blobs.read(kept.source_archived_path))
    one.ship()
    folder = tmp_path / "index"
    indexed(folder, vault)
    batch = purging.Batch(converter_name="c", reason=PurgeReason.MANUAL, archive_ids=[kept.archive_id])
    assert purging.purge(one.archive, batch).entries == 1
    with one.closed() as root, Client([root]) as client:
        client.erase(ErasureChoice(archive_ids=(erased.archive_id,)), reason="request")
    one.ship()
    made = indexed(folder, vault)
    good, bad = made.restore([kept.archive_id, erased.archive_id], tmp_path / "back")
    assert good.path and good.path.name == "SN1.csv" and good.path.read_bytes() == content
    assert (good.path.parent / "SN1.extra").read_bytes() == b"beside"
    assert bad.path is None and "was erased" in str(bad.error)
    with pytest.raises(UnknownEntry):
        made.restore(["SN-none"], tmp_path)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("sort", [*SortKey, None])
def test_pages_together_have_each_entry_once_in_order(
    station: Stations, vault: FolderVault, tmp_path: Path, sort: SortKey | None, newest_first: bool
) -> None:
    """Whatever they are sorted by, and whether entries lack it; with words too."""
    for name in ("a", "b"):
        one = station(name)
        for number in range(6):
            one.add(Made(status=ConversionStatus.SUCCESS, units=(number,)))
            one.add(Made(status=ConversionStatus.FAILED, error=1))
        one.ship()
    plant = indexed(tmp_path / "index", vault)
    wanted = PlantFilter(sort=sort or SortKey.TIME, newest_first=newest_first, text=None if sort else "SN")
    seen, after = list[PlantEntry](), None
    while not seen or after:
        page = plant.read(lambda state, after=after: state.find(wanted, limit=5, after=after))  # type: ignore[misc]
        seen += page.items
        after = page.next
        assert page.total == 24
    assert seen == plant.entries(wanted) and len(seen) == 24
