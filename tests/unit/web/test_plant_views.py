"""What the pages of a plant show."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from pywats_archive.models.plant.figures import PlantRate
from pywats_archive.models.plant.station import PlantConverter, PlantStation, PlantStations
from pywats_archive.web.views.plant import rates, stations
from pywats_archive.web.views.plant.address import is_search, key_of

NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)


def station(name: str, *, uuid: str = "", minutes: float = 1, version: str = "1") -> PlantStation:
    converter = PlantConverter(name="ICT", version=version, entries=1, converted_at=NOW)
    return PlantStation(
        station=name, archive_uuid=uuid or f"uuid-{name}", entries=1, last=1, ended_at=NOW, shipped_at=NOW, minutes=minutes,
        is_silent=minutes > 60, histories=1, segments=1, software="pywats-archive 1", problems=(), converters=(converter,),
    )  # fmt: skip


def rate(of: PlantStation, units_failed: int, units: int, name: str = "ICT") -> PlantRate:
    return PlantRate(
        station=of.station, archive_uuid=of.archive_uuid, name=name, entries=units, failed=0, units=units,
        units_failed=units_failed,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("own", "others", "is_out"),
    [
        ((30, 100), (30, 1000), True),
        ((30, 100), (300, 1000), False),  # the product
        ((1, 2), (1, 1000), False),  # too few to say
        ((0, 100), (500, 1000), False),  # better than the others
        ((100, 100), (0, 0), False),  # the only station
        ((100, 100), (100, 100), False),
    ],
)
def test_a_station_stands_out_if_far_more_units_fail_there(
    own: tuple[int, int], others: tuple[int, int], is_out: bool
) -> None:
    """Neither a high rate that all stations have, nor a few units, mark one."""
    assert rates.stands_out(*own, *others) is is_out


def test_the_table_has_what_fails_most_first_and_marks_the_fixture() -> None:
    """Each station is compared with all others."""
    known = [station("a"), station("b"), station("c")]
    found = [rate(each, failed, 200) for each, failed in zip(known, (4, 60, 6), strict=True)]
    table = rates.rates([*found, rate(known[0], 0, 9, name="FCT")], known, by="converter", since="2026-11-01")
    first, second = table.rows
    assert (table.stations, first.name, second.name) == (("a", "b", "c"), "ICT", "FCT")
    assert [cell and cell.stands_out for cell in first.cells] == [False, True, False]
    assert second.cells[1:] == (None, None) and round(first.all.percent or 0) == 12
    assert first.cells[1] and first.cells[1].units_address == "/archives?station=b&converter=ICT&from=2026-11-01"


def test_of_many_stations_those_with_the_most_entries_are_compared() -> None:
    """The table stays readable, and says what it leaves out."""
    known = [station(f"s{number:03}") for number in range(100)]
    found = [rate(each, 0, number) for number, each in enumerate(known)]
    table = rates.rates(found, known, by="converter", since="")
    assert (len(table.stations), table.more_stations, table.stations[0]) == (40, 60, "s060")


def test_silent_stations_come_first_and_do_not_fill_the_page() -> None:
    """The longest silent one is the first; an old index is said before, since all seem silent then."""
    known = tuple(station(f"s{number}", minutes=61 + number) for number in range(12))
    found = PlantStations(vault="v", updated_at=NOW - timedelta(hours=2), stations=(*known, station("fine")))
    lines = stations.alerts(found, now=NOW)
    assert [line.tone for line in lines] == ["warn", *["bad"] * 11]
    assert "The index was updated" in lines[0].text and lines[1].text.startswith("s11 stopped shipping")
    assert lines[-1].text == "2 more stations stopped shipping: s1 and s0."


def test_a_converter_of_another_version_than_most_is_marked() -> None:
    """A station that missed an update is seen at once."""
    known = [station("a"), station("b"), station("c", version="0")]
    rows = stations.rows(known, [], since="")
    assert [row.converters[0].is_other for row in rows] == [False, False, True]


@pytest.mark.parametrize(("minutes", "words"), [(None, "-"), (3, "3 min"), (150, "2 h"), (60 * 24 * 6, "6 days")])
def test_the_lag_is_written_as_people_say_it(minutes: float | None, words: str) -> None:
    """Minutes, hours, or days."""
    assert stations.lag(minutes) == words


def test_an_address_names_a_station_that_no_other_is_named_like() -> None:
    """Two of one name, an odd name and none are named by the archive."""
    known = [
        station("a"),
        station("b"),
        station("B", uuid="2"),
        station("x*"),
        station("", uuid="3"),
        station("\x1b", uuid="4"),
    ]
    assert [key_of(each, known) for each in known] == ["a", "uuid-b", "2", "uuid-x*", "3", "4"]


def test_only_texts_and_patterns_are_searched() -> None:
    """What the index is sorted or counted by is looked up."""
    assert not is_search({"serial": "SN1", "station": "ict-*", "from": "2026-01-01", "converter": "*"})
    assert all(
        is_search(each) for each in ({"q": "x"}, {"error": "x"}, {"serial": "*1"}, {"part": "%"}, {"process": "?"})
    )
