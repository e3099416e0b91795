"""A row of the ledger that makes no sense is named, and keeps no other source and no service from going on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.station import Station, wait_for

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.client import Client


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station whose catalog is damaged on purpose, so that nothing checks it in the end."""
    with Station(tmp_path / "station") as made:
        yield made


def spoil(station: Station, change: str) -> None:
    """Change the row of one arrival that is on its way, as no program of ours does."""
    with sqlite3.connect(station.archive_root / "metadata.db") as raw:
        raw.execute(f"UPDATE arrivals SET {change} WHERE path LIKE '%a.log'")
    raw.close()


@pytest.mark.parametrize(
    "change",
    ["state = 'lost'", "changed_at = '2026-13-45'", "path = CAST(x'ff2f61' AS TEXT)", "size_bytes = 'long'"],
)
def test_one_bad_row_of_the_ledger_is_named_and_stops_no_start(station: Station, change: str) -> None:
    """A service starts, takes the others to their end, and says which row it left out (invariants 5 and 12)."""
    watch = station.add("c", settle_seconds=0.2)
    station.server.stop()
    with station.serving():
        for name in ("a", "b"):
            (watch / f"{name}.log").write_text(name)
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["waiting for the server"] * 2)
    spoil(station, change)
    station.server.start()
    with station.serving():
        (watch / "c.log").write_text("c")
        wait_for(lambda: {"b.log", "c.log"} <= set(station.names("c/Done")))
        with Archive.open(station.archive_root) as archive:
            (fault,) = ledger.bad_open(archive)
        with Client([station.archive_root]) as client:
            status = client.status()
        assert "ledger.damaged" in {alert.name for alert in status.alerts}
        assert fault in status.disagreements and fault.startswith("arrival ")
