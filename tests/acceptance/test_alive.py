"""A service that cannot go on says so: by its exit code, its log, and in the archive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.station import Station, wait_for

from pywats_archive import Client
from pywats_archive.conversion.outbox import Outbox
from pywats_archive.errors import ServiceFailed
from pywats_archive.models.service import ServiceState
from pywats_archive.pipeline.service import Service, Settings
from pywats_archive.pipeline.work import WorkQueue


def states(station: Station) -> list[ServiceState]:
    with Client([station.archive_root]) as client:
        return [each.state for each in client.services()]


def test_the_archive_says_whether_a_service_works_on_it(station: Station) -> None:
    """Running, stopped in order, and killed are told apart by who only reads."""
    station.add("c")
    assert not station.run().waiting
    assert states(station) == [ServiceState.STOPPED]
    command = [sys.executable, "-m", "pywats_archive", "run", "--config", str(station.write_config())]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as service:
        wait_for(lambda: states(station) == [ServiceState.RUNNING])
        with Client([station.archive_root]) as client:
            assert client.services()[0].process == service.pid
        os.kill(service.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        service.wait()
    assert states(station) == [ServiceState.DIED]
    assert not station.run().waiting
    assert states(station) == [ServiceState.STOPPED]


@pytest.mark.parametrize("part", ["outbox", "threads", "main loop"])
def test_a_service_that_loses_a_part_ends_and_says_why(
    station: Station, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """It does not live on without sending, or without taking sources; what the archive says is that it died."""

    def fail(*_: Any) -> Any:
        raise MemoryError("none left")

    station.add("c")
    service = Service(Settings(config_path=station.write_config(), processes=1))
    if part == "outbox":
        monkeypatch.setattr(Outbox, "_pause", fail)
    elif part == "threads":
        monkeypatch.setattr(WorkQueue, "_serve", lambda self: None)
    else:
        monkeypatch.setattr(service, "_reload_if_changed", fail)
    with capture_logs() as logs, pytest.raises(MemoryError if part == "main loop" else ServiceFailed):
        service.run()
    if part == "outbox":
        assert "outbox.ended" in [line["event"] for line in logs]
    assert not any(state.is_working for state in states(station))
