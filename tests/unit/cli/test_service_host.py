"""The process of a service of Windows: it is there at once, logs to its own file, and says whether it ended well."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.station import PATIENCE_S, Station, wait_for

HOSTING = """
import sys, threading
from pathlib import Path
from pywats_archive.cli.service_host import HostedStation
web = sys.argv[3] if "--web" in sys.argv else None
station = HostedStation("pywats-archive", Path(sys.argv[1]), web=web)
if sys.argv[2:] == ["stopped before"]:
    station.stop()
threading.Thread(target=lambda: (sys.stdin.read(), station.stop()), daemon=True).start()
sys.exit(0 if station.run() else 1)
"""
"""What Windows' service manager does, in a process of its own: the end of its input is the stop."""


def hosted(station: Station, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", HOSTING, str(station.root / "config.json"), *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE)


def events(station: Station) -> list[str]:
    log = station.root / "logs" / "pywats-archive.log"
    return [json.loads(line)["event"] for line in log.read_text().splitlines()] if log.exists() else []


def test_it_loads_little_before_it_reports() -> None:
    """Windows ends a service that reports too late, and a computer that has just started is slow."""
    code = "import sys, pywats_archive.cli.service_host; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"pydantic", "sqlalchemy", "structlog", "typer", "pywats"}.isdisjoint(loaded)


@pytest.mark.long
def test_a_station_runs_until_it_is_stopped_and_logs_to_a_file(station: Station) -> None:
    """What came in is done, and the log beside the configuration tells of it."""
    watch = station.add("ict")
    (watch / "a.log").write_text("a")
    station.write_config()
    with hosted(station) as process:
        wait_for(lambda: station.names("ict/Done") == ["a.log"])
        process.communicate()
    assert process.returncode == 0
    assert {"service.starting", "source.converted", "service.stopping", "service.stopped"} <= set(events(station))


@pytest.mark.long
def test_a_configuration_that_cannot_be_used_is_in_the_log(station: Station) -> None:
    """Nobody sees a console."""
    (station.root / "config.json").write_text("{")
    with hosted(station) as process:
        assert process.wait(PATIENCE_S) == 1
    assert events(station) == ["service.failed"]


@pytest.mark.long
def test_a_stop_that_comes_while_it_loads_is_not_lost(station: Station) -> None:
    """The station does not begin."""
    station.add("ict")
    station.write_config()
    with hosted(station, "stopped before") as process:
        assert process.wait(PATIENCE_S) == 0
    assert "service.starting" not in events(station)


@pytest.mark.long
@pytest.mark.posix("Wine does not say which account this is, and the pages keep no token that others may read")
def test_a_station_that_is_installed_with_pages_serves_them(station: Station) -> None:
    """As the service manager starts it, with the words that the installation wrote."""
    station.add("ict")
    station.write_config()
    with hosted(station, "--web", "127.0.0.1:0") as process:
        wait_for(lambda: "web.listening" in events(station))
        process.communicate()
    assert process.returncode == 0
