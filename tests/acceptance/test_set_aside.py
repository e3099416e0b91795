"""Sources that are not converted now: suspended, skipped, rejected, vanished."""

from __future__ import annotations

import pytest
from tests.station import Station, wait_for

from pywats_archive.client import Client
from pywats_archive.models.entry import ConversionStatus


def test_a_suspended_source_waits_in_pending_and_is_retried(station: Station) -> None:
    """SUSPENDED sets the source aside in Pending; once its sibling is there, the retry succeeds."""
    station.code(
        "class RetryLater(Any):\n"
        "    def validate(self, source, context):\n"
        "        if not source.path.with_suffix('.limits').exists():\n"
        "            return ValidationResult.not_ready(['limits'], retry_after=timedelta(seconds=1))\n"
        "        return ValidationResult.perfect_match()\n"
    )
    watch = station.add("waits", "own.RetryLater", max_retries=50, file_patterns=["*.log"])
    (watch / "a.log").write_bytes(b"x")
    with station.serving():
        wait_for(lambda: station.names("waits/Pending") == ["a.log"])
        assert station.entry().conversion_status is ConversionStatus.SUSPENDED
        (watch / "a.limits").write_bytes(b"limits")
        wait_for(lambda: station.names("waits/Done") == ["a.log"])
    assert station.entry().conversion_status is ConversionStatus.SUCCESS
    assert station.names("waits/Pending") == []


def test_a_source_suspended_for_ever_fails_after_its_retries(station: Station) -> None:
    """After ``max_retries`` retries a suspended source goes to Error, each attempt on record."""
    station.code(
        "class Never(Any):\n"
        "    def outcome(self, source, context):\n"
        "        return ConverterResult.suspended_result('not yet')\n"
    )
    (station.add("never", "own.Never", max_retries=2) / "a.log").write_bytes(b"x")
    station.run()
    assert [c.status.value for c in station.details().conversions] == ["SUSPENDED", "SUSPENDED", "FAILED"]
    assert station.names("never/Error") == ["a.log"]
    assert station.arrivals()[0].state.value == "failed"


@pytest.mark.parametrize(
    ("verdict", "status", "state"),
    [
        ("ValidationResult.no_match('not mine')", "SKIPPED", "skipped"),
        ("ValidationResult.good_match(0.1)", "REJECTED", "rejected"),
    ],
)
def test_what_a_converter_does_not_take_stays_where_it_lies(
    station: Station, verdict: str, status: str, state: str
) -> None:
    """SKIPPED and REJECTED sources are archived, stay in the watch folder, once, and count as what they are (invariant 12)."""
    station.code(f"class Picky(Any):\n    def validate(self, source, context):\n        return {verdict}\n")
    (station.add("picky", "own.Picky") / "a.log").write_bytes(b"x")
    station.run()
    station.run()
    assert station.entry().conversion_status.value == status
    assert station.names("picky/watch") == ["a.log"]
    assert [arrival.state.value for arrival in station.arrivals()] == [state]
    with Client([station.archive_root]) as client:
        told = client.status()
    assert told.agrees and [(a.came_in, a.by_state) for a in told.accounts] == [(1, {state: 1})]


def test_a_vanished_source_is_on_record(station: Station) -> None:
    """A file that was seen and gone before it could be archived is listed as vanished (invariant 12)."""
    watch = station.add("gone", settle_seconds=5)
    with station.serving():
        (watch / "a.log").write_bytes(b"x")
        wait_for(station.arrivals)
        (watch / "a.log").unlink()
        wait_for(lambda: station.arrivals()[0].state.value == "vanished")
    with station.archive() as archive, archive.read() as db:
        kinds = db.exec_driver_sql("SELECT kind FROM events").scalars().all()
    assert "source.vanished" in kinds
