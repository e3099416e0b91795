"""A station whose clock is wrong: nothing goes by its age until the server or a person says what time it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from tests.aged import Aged
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive.archive import figures
from pywats_archive.cli.main import main
from pywats_archive.client import Client
from pywats_archive.errors import RetentionHeldBack
from pywats_archive.pipeline.service import Service, Settings
from pywats_archive.portable.uptime import Uptime

AHEAD = timedelta(days=400)


def at(off_by: timedelta) -> Any:
    """A clock that is off by so much."""
    return lambda: datetime.now(timezone.utc) + off_by


def fill(station: Station, *days_ago: int) -> None:
    """Return a station entries of these ages, by a clock that is right."""
    aged = Aged(station.root, now=datetime.now(timezone.utc))
    for each in days_ago:
        aged.add(days_ago=each, converter="any")
    aged.archive.close()
    station.add("any", retention_days=30)
    with Client([station.archive_root]) as client:
        client.retention.confirm_clock(actor="it")


def alone(station: Station) -> None:
    """Leave a station without a server that it could ask."""
    station.server.close()


def purged(station: Station) -> int:
    return sum(1 for entry in station.entries() if entry.purged_at)


def alerts(station: Station) -> set[str]:
    """Return the open alerts on the clock."""
    with station.archive() as archive:
        return {alert.name for alert in figures.statistics(archive).alerts if "clock" in alert.name}


@contextmanager
def running(station: Station, off_by: timedelta) -> Iterator[Service]:
    """Run the service by a clock that is off."""
    service = Service(Settings(config_path=station.write_config(), processes=1, clock=at(off_by)))
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        yield service
    finally:
        service.stop()
        thread.join()


def test_a_clock_that_is_wrong_at_every_start_purges_nothing(station: Station) -> None:
    """Started 400 days ahead again and again, or six days further each time, all of its 30 days are kept (invariant 7)."""
    fill(station, *range(1, 11))
    alone(station)
    for off_by in (AHEAD, AHEAD, AHEAD, *(timedelta(days=6 * start) for start in range(1, 12))):
        station.run(clock=at(off_by))
        assert purged(station) == 0 and alerts(station) == {"retention.clock"}
    station.run()
    assert purged(station) == 0 and alerts(station) == set()


def test_a_person_confirms_the_clock_once(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a long time off, policies purge nothing, whoever asks, until ``purge --confirm-clock``; an event records it."""
    fill(station, 40, 2)
    alone(station)
    _forget_days(station, 14)
    station.run()
    assert purged(station) == 0 and alerts(station) == {"retention.clock"}
    with Client([station.archive_root]) as client:
        with pytest.raises(RetentionHeldBack, match="--confirm-clock"):
            client.retention.enforce(actor="it")
        assert [each.archive_id for _, each in client.retention.preview() if not each.obstacle]
    monkeypatch.setattr("sys.argv", ["x", "purge", "--archive", str(station.archive_root), "--confirm-clock", "--yes"])
    with pytest.raises(SystemExit, match="0"):
        main()
    station.run()
    with Client([station.archive_root]) as client:
        client.retention.enforce(actor="it")
    station.run()
    assert purged(station) == 1 and alerts(station) == set()
    with station.archive() as archive, archive.read() as db:
        told = db.exec_driver_sql("SELECT details FROM events WHERE kind = 'clock.confirmed'").scalars().all()
    expected = datetime.fromisoformat(json.loads(told[-1])["expected"])
    assert timedelta(days=13) < datetime.now(timezone.utc) - expected < timedelta(days=15)


def test_a_holiday_ends_by_itself_where_the_server_says_the_date(station: Station) -> None:
    """Off for two weeks, a station asks the server for its date, and purges on with nobody's help."""
    fill(station, 40, 20, 3, 3, 3, 3, 3)
    _forget_days(station, 14)
    with station.serving():
        wait_for(lambda: purged(station) == 1)
    assert alerts(station) == set()


def test_the_server_tells_of_a_wrong_clock_early(station: Station) -> None:
    """A station whose clock was wrong from the start learns so from the answer to its first report, and purges nothing."""
    watch = station.add("any", retention_days=1)
    (watch / "SN1.log").write_bytes(b"x")
    with running(station, AHEAD):
        wait_for(lambda: station.names("any/Done"))
        wait_for(lambda: alerts(station) == {"retention.clock"})
    with running(station, AHEAD + timedelta(days=3)):
        wait_for(lambda: alerts(station) == {"retention.clock"})
    with running(station, timedelta()):
        wait_for(lambda: not alerts(station))
    assert purged(station) == 0


def test_a_clock_that_is_some_hours_wrong_is_told(station: Station) -> None:
    """A clock that no jump shows, and that purges nothing early, is an alert once the server has answered."""
    watch = station.add("any")
    (watch / "SN1.log").write_bytes(b"x")
    with running(station, timedelta(hours=3)):
        wait_for(lambda: station.names("any/Done"))
        wait_for(lambda: alerts(station) == {"clock.wrong"})
        with station.archive() as archive:
            (alert,) = figures.statistics(archive).alerts
    assert (alert.subject, str(alert.details["reason"])[:40]) == (
        "127.0.0.1",
        "the clock is 3 hours ahead of the server",
    )


def test_a_machine_that_sleeps_every_night_keeps_its_retention(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten nights of sleep, in which the uptime goes on, are no reason to doubt: what comes due goes."""
    fill(station, 29, 28, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5)
    alone(station)
    slept, up = [0.0], Uptime(boot_id="1", seconds=1000.0)
    monkeypatch.setattr("pywats_archive.archive.state.clock.ClockRecord.reading", _reading(slept, up))
    with Client([station.archive_root]) as client:
        client.retention.confirm_clock(actor="it")
    for night in range(1, 6):
        slept[0] = night * 24 * 3600.0
        station.run(clock=at(timedelta(days=night)))
        assert alerts(station) == set()
    assert purged(station) == 2


def test_a_server_that_never_answers_does_not_hold_up_a_stop(station: Station) -> None:
    """While the clock is doubted and the server hangs, the service stops within seconds."""
    fill(station, 40)
    _forget_days(station, 14)

    class Hangs(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            over.wait(PATIENCE_S)

    over, server = threading.Event(), HTTPServer(("127.0.0.1", 0), Hangs)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = station.write_config()
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields | {"service_address": f"http://127.0.0.1:{server.server_port}"}))
    service = Service(Settings(config_path=path, processes=1))
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        wait_for(lambda: alerts(station) == {"retention.clock"})
        service.stop()
        thread.join(50)
        assert not thread.is_alive()
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        service.stop()
        thread.join()


def _reading(slept: list[float], up: Uptime) -> Any:
    from pywats_archive.models.retention.clock import Reading  # noqa: PLC0415

    def reading(self: Any) -> Reading:
        return Reading(wall=self._now(), boot_id=up.boot_id, uptime_s=up.seconds + slept[0])

    return reading


def _forget_days(station: Station, days: int) -> None:
    """Have the archive know nothing of the last days: the machine was off."""
    with station.archive() as archive:
        known = archive.clock.known()
        past = (known.at - timedelta(days=days)).isoformat()
        archive.write(lambda tx: tx.exec_driver_sql(f"UPDATE clock SET believed_at = '{past}', voucher = 'nobody'"))
