"""Sources and reports in an archive that the configuration no longer lists are an alert (invariant 12)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.station import Station, wait_for, wait_for_event

from pywats_archive import Client
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.ownership import owning
from pywats_archive.archive.results.submissions import waiting_reports


@pytest.fixture
def left(station: Station) -> dict[str, Any]:
    """A station whose second converter, with an archive of its own, was taken out while a report waited there."""
    station.server.close()
    station.add("c")
    watch = station.add("x", archive_folder="apart")
    with station.serving():
        (watch / "a.log").write_bytes(b"a")
        wait_for(lambda: waiting(station.root / "apart") == 1)
    station.server.start()
    return station.sections.pop()


def waiting(root: Path) -> int:
    """Count the reports that wait in an archive."""
    if not (root / "metadata.db").exists():
        return 0
    with Archive.open(root) as archive:
        return waiting_reports(archive)


def test_what_waits_there_is_told_until_it_is_named_again(station: Station, left: dict[str, Any]) -> None:
    """Nothing is done to it: a configuration that was copied remembers the archives of its original."""
    (told,) = station.run().waiting
    apart = station.root / "apart"
    assert told.startswith(f"{apart}: 1 source(s) and 1 report(s) wait: the configuration no longer lists it")
    assert told.endswith("pywats-archive.json") and not station.server.received
    with capture_logs() as lines, station.serving():
        wait_for_event(lines, "service.started")
        assert unnamed(station) == [str(apart)]
        station.sections.append(left)
        station.write_config()
        wait_for(lambda: station.names("x/Done") == ["a.log"])
        wait_for(lambda: unnamed(station) == [])
    assert len(station.server.received) == 1
    assert not station.run().waiting


@pytest.mark.usefixtures("left")
def test_while_another_service_has_it_nothing_is_told(station: Station) -> None:
    """That one goes on with it."""
    with owning(station.root / "apart"):
        assert not station.run().waiting


@pytest.mark.usefixtures("left")
def test_an_archive_that_was_thrown_away_is_not_told(station: Station) -> None:
    """Nobody can say what waits there; and nothing is made in its place."""
    shutil.rmtree(station.root / "apart")
    assert not station.run().waiting
    assert not (station.root / "apart").exists()


def unnamed(station: Station) -> list[str]:
    """Return the archives with this alert."""
    with Client([station.archive_root]) as client:
        return [alert.subject for alert in client.status().alerts if alert.name == "archive.unnamed"]
