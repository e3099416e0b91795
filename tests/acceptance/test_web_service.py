"""``run --web``: the pages as a child of the service, which starts and watches them and never waits for them."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.test_web_network import OPENSSL, certificate
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive.client import Client

pytestmark = [pytest.mark.long, pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")]
TOKEN = "pywats-archive-web.token"


class Running:
    """A running service with its log, until it is killed at the latest."""

    def __init__(self, station: Station, process: subprocess.Popen[bytes], log: Path) -> None:
        self.station, self.process, self.log = station, process, log

    def events(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [each for each in lines if each["event"] == name and fields.items() <= each.items()]

    def pages(self, *, number: int = 1) -> dict[str, Any]:
        """Wait until the pages are served for the ``number``-th time; returns the line of the log."""
        found: list[dict[str, Any]] = wait_for(lambda: len(f := self.events("web.listening")) >= number and f)
        return found[number - 1]

    def shown(self) -> str:
        """Return what the pages show of the station now; nothing while they start."""
        headers = {"Authorization": f"Bearer {(self.station.root / TOKEN).read_text().strip()}"}
        try:
            return httpx.get(f"{self.address}/api/v1/status", headers=headers, timeout=PATIENCE_S).text
        except httpx.TransportError:
            return ""

    @property
    def address(self) -> str:
        return str(self.events("web.listening")[-1]["address"])

    def is_processing(self, name: str) -> None:
        """Require that a file is processed now."""
        (self.station.root / "ict" / "watch" / name).write_text(name)
        wait_for(lambda: name in self.station.names("ict/Done"))


@contextmanager
def running(station: Station, web: str = "0") -> Iterator[Running]:
    log = station.root / "service.log"
    words = ["run", "--config", str(station.write_config()), "--processes", "1", "--web", web]
    with log.open("wb") as stream:
        command = [sys.executable, "-m", "pywats_archive", *words]
        process = subprocess.Popen(command, stderr=stream, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield Running(station, process, log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def station(station: Station) -> Station:
    """A station with one converter."""
    station.add("ict")
    return station


def lives(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def open_alerts(station: Station) -> list[str]:
    if not (station.archive_root / "metadata.db").exists():
        return []
    with Client([station.archive_root]) as client:
        return [each.name for each in client.status().alerts]


def test_the_service_serves_its_pages_and_ends_them(station: Station) -> None:
    """The log has the address and not the token; the archive that the service has just made is shown."""
    with running(station) as service:
        served = service.pages()
        service.is_processing("a.log")
        assert httpx.get(served["address"], timeout=PATIENCE_S).headers["location"] == "/sign-in"
        assert os.getpriority(os.PRIO_PROCESS, served["process"]) > os.getpriority(os.PRIO_PROCESS, service.process.pid)
        wait_for(lambda: str(station.archive_root) in service.shown())
        service.process.terminate()
        assert service.process.wait(PATIENCE_S) == 0
        assert not lives(service.events("web.listening")[-1]["process"])
        assert (station.root / TOKEN).read_text().strip() not in service.log.read_text()
        assert not service.events("web.ended") and not service.events("web.output")
    assert open_alerts(station) == []


def test_the_pages_end_with_a_service_that_is_killed(station: Station) -> None:
    """Nobody else would end them."""
    with running(station) as service:
        pid = service.pages()["process"]
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
        wait_for(lambda: not lives(pid))


def test_pages_that_are_killed_come_back_and_stop_no_source(station: Station) -> None:
    """Their end is an alert, until they are served again."""
    with running(station) as service:
        service.is_processing("a.log")
        first = service.pages(number=len(service.events("web.listening")) or 1)
        wait_for(lambda: lives(first["process"]))
        count = len(service.events("web.listening"))
        os.kill(first["process"], signal.SIGKILL)
        service.is_processing("b.log")
        again = service.pages(number=count + 1)
        assert again["process"] != first["process"]
        raised = wait_for(lambda: service.events("alert.raised", alert="web.unavailable"))
        assert raised[0]["reason"] == "the process ended by itself (signal 9)"
        assert wait_for(lambda: service.events("alert.cleared", alert="web.unavailable"))
        service.process.terminate()
        assert service.process.wait(PATIENCE_S) == 0


def test_a_port_that_is_taken_is_an_alert_and_stops_no_source(station: Station) -> None:
    """The waits between two starts grow; once the port is free, the pages are served."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running(station, f"localhost:{port}") as service:
            service.is_processing("a.log")
            wait_for(lambda: "web.unavailable" in open_alerts(station))
            wait_for(lambda: len(service.events("web.ended")) >= 2)
            waits = [each["seconds"] for each in service.events("web.ended")]
            assert waits == sorted(set(waits)) and f"port {port}: cannot be used" in service.log.read_text()
            taken.close()
            assert service.pages()["address"] == f"http://localhost:{port}"
            wait_for(lambda: "web.unavailable" not in open_alerts(station))


def test_pages_that_hang_do_not_keep_the_service_from_stopping(station: Station) -> None:
    """A process that does not react is killed."""
    with running(station) as service:
        service.is_processing("a.log")
        pid = service.pages()["process"]
        os.kill(pid, signal.SIGSTOP)
        service.process.terminate()
        assert service.process.wait(PATIENCE_S) == 0
        assert not lives(pid)


def test_a_changed_configuration_is_shown(station: Station) -> None:
    """The pages know the archives of the configuration that the service uses now."""
    with running(station) as service:
        service.is_processing("a.log")
        service.pages()
        station.add("fct", archive_folder="second")
        station.write_config()
        root = str(station.root / "second")
        wait_for(lambda: root in service.shown())


@pytest.mark.skipif(OPENSSL is None, reason="needs openssl: apt-get install openssl")
def test_a_renewed_certificate_is_used(station: Station) -> None:
    """The pages of the service load it by themselves, and are not started again."""
    made, key = certificate(station.root)
    renewed, renewed_key = certificate(station.root, "renewed.test")
    content = renewed.read_text()
    station.keys |= {"web_certificate": made.name, "web_key": key.name}
    with running(station) as service:
        served = service.pages()
        place = ("127.0.0.1", int(served["address"].rpartition(":")[2]))
        assert served["address"].startswith("https://") and ssl.get_server_certificate(place) != content
        renewed.replace(made)
        renewed_key.replace(key)
        wait_for(lambda: ssl.get_server_certificate(place) == content)
        assert len(service.events("web.listening")) == 1 and lives(served["process"])


def test_pages_for_the_network_without_users_are_an_alert(station: Station) -> None:
    """What ``web`` refuses is refused here too, and the service goes on."""
    with running(station, "0.0.0.0:0") as service:
        service.is_processing("a.log")
        (first, *_) = wait_for(lambda: service.events("web.ended"))
        assert "certificate" in first["reason"] or "user" in first["reason"]
        wait_for(lambda: "web.unavailable" in open_alerts(station))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--web", "eighty"], "invalid address"),
        (["--web", "8087", "--until-idle"], "use one of them"),
    ],
)
def test_a_wrong_address_is_refused(station: Station, words: list[str], why: str) -> None:
    """Before anything is begun."""
    command = [sys.executable, "-m", "pywats_archive", "run", "--config", str(station.write_config()), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and why in done.stderr
    assert not station.archive_root.exists()
