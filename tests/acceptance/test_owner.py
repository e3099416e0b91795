"""A watch folder has one owner: a second service leaves it alone, and says whose it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.station import Station, check_sound, wait_for, wait_for_event

FILES = 8


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Station]:
    """A second station of the same computer."""
    with Station(tmp_path / "other") as made:
        yield made
    check_sound(made.archive_root)


def sent(*stations: Station) -> list[str]:
    bodies = (body for station in stations for each in station.server.received.values() for body in each)
    return sorted(json.loads(body)["sn"] for body in bodies)


def alerts(station: Station) -> list[dict[str, Any]]:
    """Return what the history has of alerts that were raised."""
    with station.archive() as archive, archive.read() as db:
        found = db.exec_driver_sql("SELECT details FROM events WHERE kind = 'alert.raised'").scalars().all()
    return [json.loads(details) for details in found]


@pytest.mark.parametrize("is_archived", [True, False])
def test_a_second_service_leaves_an_owned_folder_alone(station: Station, other: Station, is_archived: bool) -> None:
    """Two services on one folder, with archives or without, take no source twice; the second names the first (invariant 12)."""
    watch = station.add("ICT", archive_enabled=is_archived)
    own = other.add("own")
    other.add("ICT", watch_folder=str(watch), archive_enabled=is_archived)
    (own / "own.log").write_text("x", encoding="utf-8")
    with station.serving():
        wait_for(lambda: list(watch.parent.glob(".*.owner")))
        for number in range(FILES):
            (watch / f"N{number}.log").write_text(str(number), encoding="utf-8")
        (told,) = other.run().waiting
        wait_for(lambda: station.names("ICT/watch") == [])
    assert f"{os.getpid()} on " in told and str(station.root / "config.json") in told
    assert sent(other) == ["own"] and sent(station) == [f"N{number}" for number in range(FILES)]
    assert [(each["alert"], str(os.getpid()) in each["reason"]) for each in alerts(other)] == [("watch.taken", True)]


def test_a_folder_that_its_owner_gives_up_is_taken_over(station: Station, other: Station) -> None:
    """The second service goes on by itself once the first one has stopped, with what lies there (invariant 5)."""
    watch = station.add("ICT")
    other.add("ICT", watch_folder=str(watch))
    with capture_logs() as logged, station.serving() as first:
        wait_for(lambda: list(watch.parent.glob(".*.owner")))
        with other.serving():
            wait_for_event(logged, "alert.raised")
            first.stop()
            (watch / "late.log").write_text("x", encoding="utf-8")
            wait_for(lambda: sent(station, other) == ["late"])
            wait_for(lambda: station.names("ICT/watch") == [])
    assert not list(watch.parent.glob(".*.owner"))
