"""What stands between a station and its server, and a server that is slow, busy or confused: files are kept, posts are few."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.station import Station, wait_for

from pywats_archive.demo import faults
from pywats_archive.demo.faults import Fault
from pywats_archive.models.report import SubmissionState


def drop(station: Station, count: int, name: str = "ict") -> Path:
    """Add a converter and drop files for it; returns the watch folder."""
    watch = station.add(name)
    for number in range(count):
        (watch / f"SN{number}.log").write_bytes(b"x")
    return watch


@pytest.mark.parametrize("fault", [faults.answer(407), faults.page(400), faults.answer(402), faults.page(403)])
def test_what_is_not_about_the_report_sends_no_good_file_to_error(station: Station, fault: Fault) -> None:
    """A night behind a proxy, a gateway or an expired licence costs nothing: all are sent after it (invariant 4)."""
    drop(station, 5)
    station.write_config()
    station.server.fault = faults.always(fault)
    with station.serving():
        wait_for(lambda: len(station.entries()) == 5 and station.server.requests >= 1)
        time.sleep(1)
    assert station.names("ict/Error") == [] and len(station.names("ict/watch")) == 5
    assert station.server.requests <= 8
    assert {entry.conversion_status.value for entry in station.entries()} == {"SUCCESS"}
    assert station.entries(submission=SubmissionState.REFUSED) == ()
    station.server.fault = None
    assert station.run().waiting == ()
    assert len(station.names("ict/Done")) == 5


def test_a_busy_server_is_left_alone(station: Station) -> None:
    """After 429 with Retry-After nothing is posted, however many reports wait; then one is tried (invariant 4)."""
    drop(station, 30)
    station.write_config()
    station.server.fault = faults.always(faults.busy(retry_after="600"))
    with station.serving():
        wait_for(lambda: len(station.entries()) == 30 and station.server.requests >= 1)
        time.sleep(2)
        assert station.server.requests <= 4, "those that were on their way when the first answer came"
    station.server.fault = faults.in_turn([None] * station.server.requests + [faults.busy(503, retry_after="1")])
    assert station.run().waiting == ()
    assert len(station.server.received) == 30


def test_a_server_that_needs_longer_than_it_is_given_has_each_report_once(station: Station) -> None:
    """A report whose answer did not come in time is found at the server, and not sent for ever (invariant 4)."""
    station.keys["submit_timeout_seconds"] = 0.5
    watch = drop(station, 1)
    station.server.fault = faults.in_turn([faults.hang(1.5)])
    assert station.run().waiting == ()
    assert station.server.requests == 1 and station.server.lookups >= 1
    assert station.names("ict/Done") == ["SN0.log"] and list(watch.iterdir()) == []
    (report,) = station.details().reports
    assert len(station.server.received[report.report_id]) == 1


def test_slow_reports_do_not_hold_up_the_others(station: Station) -> None:
    """While a slow report is on its way, those that come after it are sent (invariant 4)."""
    station.keys["submit_timeout_seconds"] = 600
    watch = drop(station, 0)
    station.write_config()
    station.server.fault = lambda number: faults.hang(600) if number == 1 else None
    with station.serving():
        (watch / "BIG.log").write_bytes(b"x")
        wait_for(lambda: station.server.requests == 1)
        for number in range(5):
            (watch / f"SN{number}.log").write_bytes(b"x")
        wait_for(lambda: len(station.names("ict/Done")) == 5)
        assert station.names("ict/watch") == ["BIG.log"]
    assert station.run().waiting == ()
    assert station.names("ict/watch") == [] and len(station.names("ict/Done")) == 6


def test_another_id_than_the_reports_stops_after_three(station: Station) -> None:
    """A server that keeps what it gets under ids of its own is not sent every report over and over."""
    drop(station, 10)
    station.server.fault = faults.always(faults.wrong_id())
    left = station.run()
    assert any("not the report's id" in line for line in left.waiting)
    assert station.server.requests <= 8
    assert len(station.names("ict/watch")) == 10


def test_a_stop_leaves_what_the_server_does_not_answer(station: Station) -> None:
    """SIGTERM waits for no server; what was being sent is sent again under the same id, and taken once (invariants 4, 5)."""
    station.keys["submit_timeout_seconds"] = 600
    drop(station, 2)
    station.write_config()
    station.server.fault = faults.always(faults.trickle(0.05))
    with station.serving() as service:
        wait_for(lambda: station.server.requests >= 2)
        began_s = time.monotonic()
        service.stop()
    assert time.monotonic() - began_s < 120
    assert len(station.names("ict/watch")) == 2
    station.server.fault = None
    assert station.run().waiting == ()
    assert len(station.names("ict/Done")) == 2
    assert all(len(set(bodies)) == 1 for bodies in station.server.received.values())
    assert len(station.server.received) == 2


@contextmanager
def unreadable(blob: Path) -> Iterator[None]:
    """Make a blob one that cannot be opened, for anybody: a link that leads to itself."""
    aside = blob.with_name("aside")
    blob.rename(aside)
    blob.symlink_to(blob.name)
    try:
        yield
    finally:
        blob.unlink()
        aside.rename(blob)


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_a_waiting_report_that_cannot_be_opened_ends_the_run_with_its_name(station: Station) -> None:
    """It waits and is named, the others go, and no loop is made of it (invariant 4)."""
    drop(station, 1)
    station.write_config()
    station.server.fault = faults.always(faults.DROP_BEFORE_READING)
    with station.serving():
        wait_for(lambda: station.server.requests >= 1)
    station.server.fault = None
    blob = next(station.archive_root.rglob("reports/**/*.json.gz"))
    with unreadable(blob):
        drop(station, 1, "fct")
        left = station.run()
        assert any(blob.name in line and "is a link" in line for line in left.waiting), left
        assert station.names("fct/Done") == ["SN0.log"] and station.names("ict/watch") == ["SN0.log"]
    assert station.run().waiting == ()
    assert station.names("ict/Done") == ["SN0.log"]
