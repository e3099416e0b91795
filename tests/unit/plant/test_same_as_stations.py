"""The index of a plant answers each question as the stations themselves do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some
from tests.unit.plant.stations import ERRORS, STATUSES, UNITS, Made, PlantStation, indexed, of_plant, of_stations

from pywats_archive import Client
from pywats_archive.archive import holds
from pywats_archive.client.plant.index import Plant
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.plant.entry import PlantFilter
from pywats_archive.models.query import EntryFilter, SortKey
from pywats_archive.models.report import SubmissionState, UnitResult
from pywats_archive.models.time import UTC
from pywats_archive.vault import marker
from pywats_archive.vault.folder import FolderVault

_NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
Both = tuple[Client, Plant]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Three stations with entries of every kind, two of one name, and an index with merged and with recent files."""
    base = tmp_path_factory.mktemp("plant")
    vault = FolderVault(base / "vault")
    marker.create(vault)
    drawn, stations = random.Random(7), [PlantStation(base / str(n), vault, f"st{n // 2}") for n in range(3)]
    for round_ in range(3):
        for number, station in enumerate(stations):
            for entry in station.archive.find(EntryFilter(), limit=3 * round_).items if round_ else ():
                station.convert(
                    entry, Made(status=ConversionStatus.SUCCESS, units=drawn.choices(range(len(UNITS)), k=2))
                )
            for _ in range(8):
                entry = station.add(_drawn(drawn), converter=f"conv{drawn.randrange(2)}")
                if drawn.random() < 0.3:
                    station.convert(entry, _drawn(drawn))
                if drawn.random() < 0.2:
                    holds.hold(station.archive, entry.archive_id, reason="complaint", actor="ann")
            if round_ or number:
                station.ship()
        now = _NOW + timedelta(days=min(round_, 1))
        made = indexed(base / "index", vault, batch_rows=10, clock=lambda now=now: now)
    for station in stations:
        station.archive.close()
    with Client([station.archive.root for station in stations]) as client:
        yield client, made


def _drawn(drawn: random.Random) -> Made:
    status = drawn.choice(STATUSES)
    is_success = status is ConversionStatus.SUCCESS
    return Made(
        status=status,
        units=drawn.choices(range(len(UNITS)), k=drawn.randrange(4)) if is_success else (),
        error=None if is_success or status is ConversionStatus.PENDING else drawn.randrange(len(ERRORS)),
        warnings=drawn.sample(["odd: größe", "no limits", "2\n3"], k=drawn.randrange(3)) if is_success else (),
        submission=drawn.choice(list(SubmissionState)),
        days_ago=drawn.choice([0, 0.5, 20, 45]),
    )


_WORDS = (
    "sn1",
    "SN 2/4",
    "größer",
    "GRÖS",
    "lim",
    "limits größe",
    "relay-7",
    "P-1",
    "p_1",
    "csv",
    "SN3.csv",
    "x_y",
    "%",
    "5",
    "no-word-has-it",
    "-",
)
_NUMBERS = (
    "SN1",
    "sn*",
    "*",
    "?N1",
    "SN 2/4",
    "größer*7",
    "GRÖSSER*",
    "größer\\*7",
    "P-1*",
    "P_1%",
    "P?1?",
    "A_1",
    "%",
)
_DAYS = (
    date(2026, 11, 4),
    date(2026, 11, 23),
    _NOW,
    _NOW.replace(tzinfo=timezone(timedelta(hours=5, minutes=30))),
    _NOW - timedelta(days=20),
    _NOW + timedelta(minutes=1),
)
_PIECES = some.sampled_from(
    [
        "sn1",
        "SN",
        "limit",
        "GRÖS",
        "größer",
        "2\u0303",
        "x_y",
        '"',
        "'",
        "%",
        "_",
        "*",
        "?",
        "-",
        "\u20ac",
        "\\",
        "NEAR(",
        "OR",
    ]
)
_TEXTS = some.sampled_from(_WORDS) | some.lists(_PIECES, min_size=1, max_size=4).map("".join)
_FILTERS = some.builds(
    EntryFilter,
    from_date=some.none() | some.sampled_from(_DAYS),
    to_date=some.none() | some.sampled_from(_DAYS),
    converter_name=some.none() | some.sampled_from(["conv0", "conv1", "CONV1"]),
    status=some.none() | some.sampled_from(ConversionStatus),
    result=some.none() | some.sampled_from(UnitResult),
    serial_number=some.none() | some.sampled_from(_NUMBERS) | _TEXTS,
    part_number=some.none() | some.sampled_from(_NUMBERS),
    text=some.none() | _TEXTS,
    failure_reason=some.none() | some.none() | some.sampled_from(ERRORS),
    warned=some.none() | some.booleans(),
    submission=some.none() | some.sampled_from(SubmissionState),
    purged=some.none() | some.booleans(),
    sort=some.just(SortKey.TIME),
    newest_first=some.booleans(),
)


@pytest.mark.long
@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(wanted=_FILTERS, chosen=some.none() | some.lists(some.integers(0, 71), max_size=5))
def test_every_filter_finds_what_the_stations_list(plant: Both, wanted: EntryFilter, chosen: list[int] | None) -> None:
    """The entries are the same in all that both show, each once; also if only some are named."""
    client, made = plant
    if chosen is not None:
        ids = sorted(each.archive_id for each in client.entries(EntryFilter()))
        wanted = replace(wanted, archive_ids=("20200101000000000_000000", "no id", *(ids[each] for each in chosen)))
    assert sorted(of_plant(made, wanted), key=repr) == sorted(of_stations(client, wanted), key=repr)


@pytest.mark.parametrize("sort", SortKey)
@pytest.mark.parametrize("newest_first", [True, False])
def test_every_order_is_that_of_the_station(plant: Both, sort: SortKey, newest_first: bool) -> None:
    """An entry without the value comes last."""
    client, made = plant
    wanted = EntryFilter(sort=sort, newest_first=newest_first)
    field = {"time": 6, "serial": 12, "size": 5, "duration": 9, "result": 14}[sort.value]
    found = [each[field] for each in of_plant(made, wanted)]
    assert found == [each[field] for each in of_stations(client, wanted)]
    assert len(found) == 72


@pytest.mark.parametrize("text", [None, "sn1"])
@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_are_those_of_the_station(plant: Both, text: str | None, newest_first: bool) -> None:
    """Each entry is on one page, in the order of the station, and each page knows how many there are."""
    client, made = plant
    wanted = EntryFilter(text=text, converter_name="conv1", newest_first=newest_first)
    ids = [each.archive_id for each in client.entries(wanted)]
    asked = PlantFilter(text=text, converter_name="conv1", newest_first=newest_first)
    pages = [made.find(asked, limit=7, offset=offset) for offset in range(0, len(ids) + 7, 7)]
    found = [each.archive_id for page in pages for each in page.items]
    assert found == [each.archive_id for each in made.entries(asked)]
    assert sorted(found) == sorted(ids) and len(ids) > 14
    assert {(page.total, page.total_is_exact) for page in pages} == {(len(ids), True)}
    own = client.find(wanted, limit=7, offset=7)
    assert own.total == len(ids)
