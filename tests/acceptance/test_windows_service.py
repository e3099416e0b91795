"""A service of Windows by way of the service manager itself: installed, started, stopped in the middle of conversions."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.station import Station, wait_for

from pywats_archive.errors import UsageError
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.system_service.accounts import LOCAL_SYSTEM
from pywats_archive.system_service.control import ServiceControl
from pywats_archive.system_service.instance import service_name
from pywats_archive.system_service.station import control, order

pytestmark = pytest.mark.skipif(sys.platform != "win32", reason="needs the service manager of Windows")

NAME = service_name(f"test-{os.getpid()}")
_STOPPING = re.compile(r"stopping; running conversions|\bservice\.stopping\b")
"""The event in the log, as text or as JSON: the service may not have the environment of the tests."""
NAMES = [f"{number}.log" for number in range(10)]
CONVERTING = """
class Converting(Any):
    def outcome(self, source, context):
        station = source.path.parent.parent
        (station / f"begun-{source.path.stem}").touch()
        while not (station / "finish").exists():
            time.sleep(0.05)
        return super().outcome(source, context)
"""


@pytest.fixture
def services(station: Station) -> Iterator[ServiceControl]:
    """The service manager, with the station's service installed; it is removed in the end."""
    station.code(CONVERTING)
    station.add("ten", "own.Converting")
    manager = control()
    try:
        manager.install(order(read_station_config(station.write_config()), name=NAME, account=LOCAL_SYSTEM))
    except UsageError as exc:
        pytest.skip(f"only an administrator installs services ({exc})")
    yield manager
    manager.remove(NAME)
    assert not manager.status(NAME).is_installed


def begun(station: Station) -> list[Path]:
    return list((station.root / "ten").glob("begun-*"))


@pytest.mark.spawned
def test_ten_conversions_survive_a_stop_of_the_service(station: Station, services: ServiceControl) -> None:
    """The stop waits for those in progress; none is in Error, none is sent twice, and the rest is done later (invariant 15)."""
    for name in NAMES:
        (station.root / "ten" / "watch" / name).write_text(name)
    assert services.status(NAME).starts_with_machine
    services.start(NAME)
    assert services.status(NAME).is_running and services.status(NAME).process
    wait_for(lambda: len(begun(station)) >= 2)
    with ThreadPoolExecutor() as threads:
        stopping = threads.submit(services.stop, NAME)
        log = station.root / "logs" / f"{NAME}.log"
        wait_for(lambda: _STOPPING.search(log.read_text()))
        assert services.status(NAME).state == "stopping" and not stopping.done()
        (station.root / "ten" / "finish").touch()
        stopping.result()
    assert services.status(NAME).state == "stopped" and station.names("ten/Error") == []
    services.start(NAME)
    wait_for(lambda: station.names("ten/Done") == NAMES)
    services.stop(NAME)
    assert station.names("ten/Error") == []
    assert {entry.conversion_status for entry in station.entries()} == {ConversionStatus.SUCCESS}
    assert sorted(len(bodies) for bodies in station.server.received.values()) == [1] * 10
