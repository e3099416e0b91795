"""What lies in Pending is tried again, or an alert says that nobody will (invariant 12)."""

from __future__ import annotations

import pytest
from tests.station import Station, wait_for

from pywats_archive import Client
from pywats_archive.pipeline import running

LATER = """
class Later(Any):
    def outcome(self, source, context):
        if (source.path.parents[2] / "ready").exists():
            return super().outcome(source, context)
        return ConverterResult.suspended_result(reason='not yet', retry_after=timedelta(hours=1))
"""


def forgotten(station: Station) -> list[str]:
    """Return the folders with this alert."""
    with Client([station.archive_root]) as client:
        return [alert.subject for alert in client.status().alerts if alert.name == "pending.forgotten"]


def suspend(station: Station) -> None:
    """Have one source set aside."""
    station.code(LATER)
    (station.add("c", "own.Later", max_retries=99) / "a.log").write_bytes(b"x")
    with station.serving():
        wait_for(lambda: station.names("c/Pending") == ["a.log"])


def test_what_the_ledger_knows_is_no_alert(station: Station) -> None:
    """It is tried again when its time has come."""
    suspend(station)
    with station.serving():
        wait_for(lambda: station.names("c/Pending") == ["a.log"])
        assert forgotten(station) == []


def test_what_nobody_knows_is_an_alert_until_it_is_gone(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuilt ledger begins again."""
    monkeypatch.setattr(running, "RESCAN_S", 0.5)
    suspend(station)
    with Client([station.archive_root]) as client:
        client.rebuild(actor="a test")
    with station.serving():
        wait_for(lambda: forgotten(station) == [str(station.root / "c/Pending")])
        (station.root / "ready").touch()
        (station.root / "c/Pending/a.log").rename(station.root / "c/watch/a.log")
        wait_for(lambda: station.names("c/Done") == ["a.log"])
        wait_for(lambda: forgotten(station) == [])
    assert len(station.server.received) == 1
