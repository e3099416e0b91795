"""A service that cannot go on says so: by its exit code, its log, and in the archive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import spawn
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.command import Process, started
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive import Client
from pywats_archive.conversion.pool import workers
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.errors import ServiceFailed
from pywats_archive.models.operation.service import ServiceState
from pywats_archive.pipeline.background.ticker import Ticker
from pywats_archive.pipeline.lanes import converter
from pywats_archive.pipeline.processing.work_queue import WorkQueue
from pywats_archive.pipeline.reload import Reloading
from pywats_archive.pipeline.service import Service, Settings


@contextmanager
def running(station: Station, *, stderr: int) -> Iterator[subprocess.Popen[bytes] | Process]:
    """Run the service as a command meanwhile; killed in the end if it runs still."""
    service = started("run", "--config", station.write_config(), stderr=stderr)
    try:
        yield service
    finally:
        service.kill()
        service.wait()


def states(station: Station) -> list[ServiceState]:
    if not (station.archive_root / "metadata.db").exists():
        return []
    with Client([station.archive_root]) as client:
        return [each.state for each in client.services()]


def test_the_archive_says_whether_a_service_works_on_it(station: Station) -> None:
    """A reader can distinguish running, stopped in order, and killed."""
    station.add("c")
    assert not station.run().waiting
    assert states(station) == [ServiceState.STOPPED]
    with running(station, stderr=subprocess.DEVNULL) as service:
        wait_for(lambda: states(station) == [ServiceState.RUNNING])
        with Client([station.archive_root]) as client:
            assert client.services()[0].process == service.pid
        os.kill(service.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        service.wait()
    assert states(station) == [ServiceState.DIED]
    assert not station.run().waiting
    assert states(station) == [ServiceState.STOPPED]


@pytest.mark.parametrize("part", ["outbox", "threads", "retention", "scrub", "main loop"])
def test_a_service_that_loses_a_part_ends_and_says_why(
    station: Station, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """It does not live on without sending, or without taking sources; the archive shows that it died."""

    def fail(*_: Any) -> Any:
        raise MemoryError("none left")

    station.add("c")
    service = Service(Settings(config_path=station.write_config(), processes=1))
    if part == "outbox":
        monkeypatch.setattr(Outbox, "_try_to_send", fail)
    elif part == "threads":
        monkeypatch.setattr(WorkQueue, "_serve", lambda self: None)
    elif part in ("retention", "scrub"):
        repeat = Ticker._repeat
        monkeypatch.setattr(Ticker, "_repeat", lambda self: None if self.name == part else repeat(self))
    else:
        monkeypatch.setattr(Reloading, "reload_if_changed", fail)
    with capture_logs() as logs, pytest.raises(MemoryError if part == "main loop" else ServiceFailed):
        service.run()
    if part == "outbox":
        assert "outbox.ended" in [line["event"] for line in logs]
    assert states(station) == [ServiceState.DIED]


@pytest.mark.skipif(sys.platform != "linux", reason="makes a small pipe")
@pytest.mark.parametrize("reader", ["gone", "asleep"])
def test_a_log_that_nobody_reads_stops_nothing(station: Station, reader: str) -> None:
    """Whether its reader went away or does not read any more, every source goes through."""
    watch = station.add("c")
    read, write = os.pipe()
    with running(station, stderr=write) as service:
        os.close(write)
        wait_for(lambda: states(station) == [ServiceState.RUNNING])
        if reader == "gone":
            os.close(read)
        else:
            import fcntl  # noqa: PLC0415 (POSIX)

            fcntl.fcntl(read, 1031, 4096)  # F_SETPIPE_SZ of Linux
        for number in range(30):
            (watch / f"{number}.log").write_text(str(number))
        wait_for(lambda: len(station.names("c/Done")) == 30)
        service.send_signal(signal.SIGTERM)
        assert service.wait(PATIENCE_S) == 0
    if reader == "asleep":
        os.close(read)
    assert len(station.server.received) == 30


@pytest.mark.spawned
@pytest.mark.skipif(sys.platform == "win32", reason="makes a file that may not be executed")
def test_workers_that_cannot_start_are_an_alert_and_keep_nobody_from_stopping(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service starts, says so, takes no source, answers a stop; once workers start all goes on by itself (invariant 11)."""
    monkeypatch.setattr(workers, "REST_S", 0.2)
    monkeypatch.setattr(converter, "RETRY_EVERY_S", 600.0)  # only the service itself notices that workers start again
    watch = station.add("c")
    (watch / "a.log").write_text("a")
    forbidden = station.root / "python"
    forbidden.write_text("")
    before = spawn.get_executable()
    spawn.set_executable(str(forbidden))
    try:
        with capture_logs() as logs, station.serving() as service:
            wait_for(lambda: alerts(station) == ["workers.unavailable"])
            assert logs[0]["event"] == "service.starting"
            service.stop()
        (told,) = station.run().waiting
        assert "no worker process can be started" in told and "cannot be executed" in told
        with station.serving():
            wait_for(lambda: alerts(station) == ["workers.unavailable"])
            assert station.names("c/watch") == ["a.log"]
            spawn.set_executable(before)
            wait_for(lambda: station.names("c/Done") == ["a.log"])
            wait_for(lambda: alerts(station) == [])
    finally:
        spawn.set_executable(before)


def alerts(station: Station) -> list[str]:
    if not (station.archive_root / "metadata.db").exists():
        return []
    with Client([station.archive_root]) as client:
        return [alert.name for alert in client.status().alerts]
