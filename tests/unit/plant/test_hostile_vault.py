"""Whoever has the key of one station can write any segment there; no other station's entries suffer from it."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.command import command
from tests.unit.plant.forging import Row, copy, forge, keys_of, put
from tests.unit.plant.stations import Made, PlantStation, indexed

from pywats_archive.client.plant.index import Plant
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.plant.entry import PlantFilter
from pywats_archive.models.query import SortKey
from pywats_archive.plant import reading
from pywats_archive.replication.fetching import whole_segment
from pywats_archive.vault.folder import FolderVault

PASSED = Made(status=ConversionStatus.SUCCESS, units=(0,), warnings=("odd",))
EVIL = "\"';--%_*?[]\r\n\x1b[31m\0\ud800\u202e" + "x" * 1_000_000
Stations = Callable[[str], PlantStation]


@pytest.fixture
def two(station: Stations) -> tuple[PlantStation, PlantStation]:
    """A station with two segments, and an honest one with an entry."""
    bad, good = station("bad"), station("good")
    for each in (bad, bad, good):
        each.add(PASSED)
        each.ship()
    return bad, good


def answers(plant: Plant) -> dict[str, int]:
    """Ask every question; returns how many entries each station has, by the uuid of its archive."""
    for sort in SortKey:
        found = plant.entries(PlantFilter(sort=sort))
    for each in found[:9]:
        plant.details(each.archive_id, station=each.archive_uuid)
    plant.statistics(PlantFilter())
    return {each.archive_uuid: each.entries for each in plant.stations().stations}


_NUMBERS = [-1, 2**32, 2**63, 10**30, 1.5, True, "1", None, [], {"bytes": "00"}]
_MOMENTS = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-24", "2026-11-24T12:00:00", 5, None]
_TEXTS = [EVIL, 7, [EVIL], {"bytes": "ff00"}, ""]
_IDS = [
    "20261399120000000_a3f2d9",
    "99991231995959999_a3f2d9",
    "00000101000000000_a3f2d9",
    "20261124120000000_A3F2D9",
    EVIL,
]
_IDS += ["2026112412000000\u0660_a3f2d9", "../../../../etc/passwd"]
CASES: list[tuple[str, str, Any]] = [
    *(("archive_entries", name, value) for name in ("report_count", "source_size_bytes") for value in _NUMBERS),
    *(("reports", name, value) for name in ("ordinal",) for value in _NUMBERS),
    *(("archive_entries", name, value) for name in ("conversion_timestamp", "purged_at") for value in _MOMENTS),
    *(("archive_entries", name, value) for name in ("conversion_error", "serial_number", "converter_name") for value in _TEXTS),
    *(("archive_entries", name, value) for name in ("archived_path", "source_path", "hold_reason") for value in _TEXTS),
    *(("archive_entries", "conversion_status", value) for value in (*_TEXTS, None)),
    *(("archive_entries", "source_checksum", value) for value in (*_TEXTS, None, "sha256:" + "\u0661" * 64)),
    *(("archive_entries", "warnings", value) for value in ("{", "7", '{"a":1}', "[[[]],null]", f"[{'7,' * 200_000}7]")),
    *(("archive_entries", "report_archived_path", value) for value in ("a.99999999999.json.gz", EVIL, 7)),
    *(("archive_entries", "archive_id", value) for value in _IDS),
    *(("reports", name, value) for name in ("serial_number", "process", "result", "start_time") for value in _TEXTS),
    *(("reports", "submission_state", value) for value in (*_TEXTS, None)),
    *(("reports", "report_id", value) for value in (*_TEXTS, None)),
]  # fmt: skip


@pytest.mark.long
def test_no_row_of_one_station_stops_the_index(
    two: tuple[PlantStation, PlantStation], vault: FolderVault, tmp_path: Path
) -> None:
    """Whatever a row says, its segment is in the index, or a problem; the others are there, and every question is answered."""
    bad, good = two
    key = keys_of(vault, bad.archive.description.archive_uuid)[0]
    for number, (table, column, value) in enumerate(CASES):

        def change(row: Row, column: str = column, value: Any = value) -> None:
            row[column] = value

        forge(vault, copy(vault, key, number), table=table, change=change)
    made = indexed(tmp_path / "index", vault)
    found = answers(made)
    problems = {each.archive_uuid: each.problems for each in made.stations().stations}
    assert found[good.archive.description.archive_uuid] == 1
    refused = 0
    for number, case in enumerate(CASES):
        archive = str(UUID(int=number))
        assert (found[archive], len(problems[archive])) in ((1, 0), (0, 1)), case
        refused += not found[archive]
    assert len(CASES) // 3 < refused < len(CASES)


def test_what_a_segment_says_of_itself_stops_nothing(
    two: tuple[PlantStation, PlantStation], vault: FolderVault, tmp_path: Path
) -> None:
    """A second run over the same index does not stop either."""
    bad, good = two
    key = keys_of(vault, bad.archive.description.archive_uuid)[0]
    described: list[dict[str, Any]] = [
        {"station": EVIL},
        {"software": EVIL, "hash": EVIL, "previous_hash": EVIL},
        {"last": 10**30},
        {"made_at": datetime.max.replace(tzinfo=timezone.utc), "ended_at": datetime.min.replace(tzinfo=timezone.utc)},
    ]
    for number, each in enumerate(described):
        forge(vault, copy(vault, key, number), **each)
    for _ in range(2):
        made = indexed(tmp_path / "index", vault)
    assert answers(made)[good.archive.description.archive_uuid] == 1
    assert made.find(PlantFilter(station="good")).total == 1


def test_no_text_of_a_station_reaches_a_terminal_as_it_is(
    two: tuple[PlantStation, PlantStation], vault: FolderVault, tmp_path: Path
) -> None:
    """Every verb shows control characters as escapes; CSV has one line for each entry that a reader of CSV finds."""
    bad, _ = two
    key = keys_of(vault, bad.archive.description.archive_uuid)[0]
    evil = "[red]\x1b[31m\r\x07\u202e=1+1"
    texts = ("converter_name", "conversion_error", "serial_number", "part_number", "source_path", "hold_reason")
    forge(vault, key, table="archive_entries", change=lambda row: row.update(dict.fromkeys(texts, evil)))
    forge(vault, key, table="reports", change=lambda row: row.update(process=evil, result=evil, serial_number=evil))
    for each in keys_of(vault, bad.archive.description.archive_uuid):
        forge(vault, each, station=evil, software=evil)
    found = [each.archive_id for each in indexed(tmp_path / "index", vault).entries(PlantFilter())]
    verbs = (
        ("stations",),
        ("search",),
        ("show", evil),
        ("stats",),
        ("search", "--json"),
        ("restore", evil, "--to", str(tmp_path / "to")),
    )
    for verb in verbs:
        ended = command("plant", *verb, "--index", tmp_path / "index")
        assert not {"\x1b", "\r", "\x07", "\u202e"} & {*ended.stdout, *ended.stderr}, verb
        assert "\\x1b" in ended.stdout + ended.stderr or "\\u001b" in ended.stdout + ended.stderr, verb
    lines = list(csv.DictReader(io.StringIO(command("plant", "search", "--csv", "--index", tmp_path / "index").stdout)))
    assert len(lines) == 3 and {each["archive_id"] for each in lines} == {*found}


@pytest.mark.parametrize(
    "lie",
    [
        {"first": 1},
        {"last": 0},
        {"archive_uuid": "7c9e6679-7425-40de-944b-e07fc1f90ae7"},
        {"chain": "0" * 12},
        {"archive": {}},
    ],
)
def test_a_segment_that_belongs_elsewhere_is_a_problem(
    two: tuple[PlantStation, PlantStation], vault: FolderVault, tmp_path: Path, lie: dict[str, Any]
) -> None:
    """Its rows are not in the index."""
    bad, _ = two
    key = keys_of(vault, bad.archive.description.archive_uuid)[1]
    forge(vault, key, **lie)
    found = {each.station: each for each in indexed(tmp_path / "index", vault).stations().stations}
    assert found["bad"].entries == 1 and [key in each for each in found["bad"].problems] == [True]


def test_a_segment_of_another_station_is_a_problem(
    two: tuple[PlantStation, PlantStation], vault: FolderVault, tmp_path: Path
) -> None:
    """It was copied below a history with the rights of the station that writes there."""
    bad, good = two
    theirs, own = (keys_of(vault, each.archive.description.archive_uuid)[0] for each in (good, bad))
    Path(vault.url, own).chmod(0o600)
    Path(vault.url, own).write_bytes(vault.get(theirs))
    found = {each.station: each for each in indexed(tmp_path / "index", vault).stations().stations}
    assert (found["good"].entries, found["bad"].entries) == (1, 1)
    assert any("is of another archive or history" in each for each in found["bad"].problems)


def test_a_segment_that_repeats_events_is_a_problem(station: Stations, vault: FolderVault, tmp_path: Path) -> None:
    """It says that it has the events of the next one too; the entries of both are there."""
    one = station("a")
    for _ in range(2):
        one.add(PASSED)
        one.ship()
    first, second = keys_of(vault, one.archive.description.archive_uuid)
    forge(vault, first, last=10**6)
    made = indexed(tmp_path / "index", vault)
    (seen,) = made.stations().stations
    assert seen.entries == 2 and [second in each and "among the events" in each for each in seen.problems] == [True]


def test_rows_without_end_are_a_problem(
    two: tuple[PlantStation, PlantStation], vault: FolderVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand times what they take in the vault: memory and time have a limit."""
    monkeypatch.setattr(reading, "_MOST_BYTES", 500_000)
    bad, _ = two
    key = keys_of(vault, bad.archive.description.archive_uuid)[1]
    lines = b"".join(whole_segment(vault, key).rows())
    put(vault, key, gzip.compress(lines * (600_000 // len(lines))))
    made = indexed(tmp_path / "index", vault)
    found = {each.station: each for each in made.stations().stations}
    assert (found["good"].entries, found["bad"].entries) == (1, 1)
    assert ["rows are larger" in each for each in found["bad"].problems] == [True]


PATHS = (
    ("archived_path", "../../../../etc/passwd"),
    ("archived_path", "sources/2026/11/24/../../../../../etc/passwd"),
    ("archived_path", "/etc/passwd"),
    ("source_path", "/w/.."),
    ("source_path", "/w/../../../evil"),
    ("source_path", "C:\\w\\..\\evil:stream"),
    ("companions", '[{"name":"../evil","archived_path":"/etc/passwd","checksum":"sha256:00","size_bytes":1}]'),
)


def test_a_row_brings_no_file_out_of_the_folder_to_restore_to(
    station: Stations, vault: FolderVault, tmp_path: Path
) -> None:
    """Nothing is written beside it, and nothing of this computer is copied into it."""
    one = station("a")
    entry = one.add(PASSED)
    one.ship()
    (key,) = keys_of(vault, one.archive.description.archive_uuid)
    for number, (column, value) in enumerate(PATHS):

        def change(row: Row, column: str = column, value: str = value) -> None:
            row[column] = value

        forge(vault, copy(vault, key, number), table="archive_entries", change=change)
    made = indexed(tmp_path / "index", vault)
    for number, case in enumerate(PATHS):
        top = tmp_path / "restored" / f"{number}"
        (back,) = made.restore([entry.archive_id], top / "a" / "to", station=str(UUID(int=number)))
        restored = [path.relative_to(top / "a") for path in top.rglob("*") if path.is_file()]
        assert all(path.parts[0] == "to" and len(path.parts) == 2 for path in restored), case
        assert all(b"root:" not in (top / "a" / path).read_bytes() for path in restored), case
        assert bool(back.error) is not bool(restored), case
