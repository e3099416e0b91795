"""A service that is stopped, with every process of its group, in the middle of conversions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive.models.entry import ConversionStatus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, sends POSIX signals")

SLOW = """
class Slow(Any):
    def outcome(self, source, context):
        begun = source.path.parent.parent / f"begun-{source.path.stem}-{os.getpid()}"
        begun.touch()
        for _ in range(4000):
            if (source.path.parent.parent / "quick").exists():
                break
            time.sleep(0.05)
        return super().outcome(source, context)
"""


_PATIENT = """
from pywats_archive.__main__ import main
from pywats_archive.conversion.pool import processes
from pywats_archive.host.worker import entry
processes.GRACE_S = entry.DESCRIBED_WITHIN_S = 600.0
main()
"""
"""The command with limits that no busy machine exceeds before it has delivered a signal."""


class Running:
    """The service in a process group of its own, while it converts two files, each until ``let_finish``."""

    def __init__(self, station: Station, *start: str) -> None:
        station.code(SLOW)
        watch = station.add("slow", "own.Slow")
        for name in ("a.log", "b.log"):
            (watch / name).write_text(name)
        self.station = station
        self.config = station.write_config()
        self.log = station.root / "service.log"
        with self.log.open("wb") as log:
            command = [sys.executable, *(start or ("-m", "pywats_archive")), "run", "--config", str(self.config)]
            command += ["--processes", "2"]
            self.service = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL, start_new_session=True)
        wait_for(lambda: len(self.begun()) == 2)

    def begun(self) -> list[int]:
        return [int(path.name.rpartition("-")[2]) for path in (self.station.root / "slow").glob("begun-*")]

    def tree(self) -> list[int]:
        """Name the service's process and all beneath it, the service last."""
        found, todo = [], [self.service.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                todo += [int(child) for child in path.read_text().split()]
        return found[::-1]

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def let_finish(self) -> None:
        (self.station.root / "slow" / "quick").touch()

    def require_all_done_by_next_start(self) -> None:
        self.let_finish()
        left = self.station.run()
        assert left.waiting == ()
        assert self.station.names("slow/Error") == [] and self.station.names("slow/Done") == ["a.log", "b.log"]
        assert {entry.conversion_status for entry in self.station.entries()} == {ConversionStatus.SUCCESS}
        assert sorted(len(bodies) for bodies in self.station.server.received.values()) == [1, 1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_every_process_fails_no_conversion(station: Station, number: signal.Signals) -> None:
    """As a service manager does: what runs is finished, nothing lies in Error, nothing is sent twice (invariant 15)."""
    running = Running(station)
    for pid in running.tree():
        os.kill(pid, number)
    wait_for(lambda: running.events("service.stopping"))
    running.let_finish()
    assert running.service.wait(PATIENCE_S) == 0
    assert station.names("slow/Error") == []
    running.require_all_done_by_next_start()


def test_workers_that_are_killed_a_moment_before_their_service_fail_no_conversion(station: Station) -> None:
    """The order in which a group is killed is nobody's; nothing of it is a result (invariant 15)."""
    running = Running(station, "-c", _PATIENT)
    for pid in running.begun():
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    running.service.send_signal(signal.SIGTERM)
    assert running.service.wait(PATIENCE_S) == 0
    assert len(running.events("source.interrupted")) == 2
    assert station.names("slow/Error") == [] and len(station.names("slow/watch")) == 2
    running.require_all_done_by_next_start()


def test_everything_killed_while_it_stops_goes_on_at_the_next_start(station: Station) -> None:
    """A service manager that loses its patience kills all: both sources are converted then (invariant 15)."""
    running = Running(station)
    running.service.send_signal(signal.SIGTERM)
    for pid in running.tree():
        os.kill(pid, signal.SIGKILL)
    running.service.wait(PATIENCE_S)
    running.require_all_done_by_next_start()


def test_a_second_stop_interrupts_what_runs(station: Station) -> None:
    """Who does not want to wait for a long conversion need not kill the service (invariant 15)."""
    running = Running(station)
    running.service.send_signal(signal.SIGINT)
    wait_for(lambda: running.events("service.stopping"))
    time.sleep(1.2)
    running.service.send_signal(signal.SIGINT)
    assert running.service.wait(PATIENCE_S) == 0
    assert len(running.events("source.interrupted")) == 2
    running.require_all_done_by_next_start()


def test_sighup_takes_the_configuration_again(station: Station) -> None:
    """It ends neither the service nor its workers."""
    running = Running(station)
    wait_for(lambda: running.events("service.started"))
    for pid in running.tree():
        os.kill(pid, signal.SIGHUP)
    running.let_finish()
    wait_for(lambda: running.events("config.reloaded"))
    running.service.send_signal(signal.SIGTERM)
    assert running.service.wait(PATIENCE_S) == 0
    assert len(running.begun()) == 2
    running.require_all_done_by_next_start()


def test_a_replay_that_is_interrupted_leaves_its_entries_planned(station: Station) -> None:
    """Ctrl-C ends it at once, with its workers; resumed, every entry is replayed and none has failed (invariant 15)."""
    station.code(SLOW)
    watch = station.add("slow", "own.Slow")
    (station.root / "slow" / "quick").touch()
    for name in ("a.log", "b.log"):
        (watch / name).write_text(name)
    station.run()
    station.code(SLOW.replace("source.path.parent.parent", f"Path(r'{station.root}')"))
    with (station.root / "converters" / "own.py").open("a") as code:
        code.write("from pathlib import Path\n")
    ids = [entry.archive_id for entry in station.entries()]
    command = [sys.executable, "-m", "pywats_archive", "reprocess"]
    here = ["--config", str(station.write_config()), "--processes", "2"]
    replay = subprocess.Popen([*command, "start", *ids, "--yes", *here], stderr=subprocess.PIPE, text=True)
    workers = wait_for(lambda: list(station.root.glob("begun-*")))
    for path in workers:
        os.kill(int(path.name.rpartition("-")[2]), signal.SIGINT)
    replay.send_signal(signal.SIGINT)
    assert replay.wait(PATIENCE_S) == 130, replay.stderr and replay.stderr.read()
    (station.root / "quick").touch()
    done = subprocess.run([*command, "resume", "1", "--json", *here], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert (told["total_archives"], told["processed"], told["failed"]) == (2, 2, 0), done.stderr


def test_a_service_that_starts_answers_a_stop(station: Station) -> None:
    """It does not wait for converters that hang when their code is loaded, each for as long as that may take."""
    begun = station.root / "begun"
    (station.root / "converters" / "hangs.py").write_text(f"import time; open({str(begun)!r}, 'w'); time.sleep(600)")
    for number in range(4):
        station.add(f"c{number}", "hangs.Any", timeout_seconds=600)
    command = [sys.executable, "-c", _PATIENT, "run", "--config", str(station.write_config())]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as service:
        assert service.stderr
        assert json.loads(service.stderr.readline())["event"] == "service.starting"
        wait_for(begun.exists)
        service.send_signal(signal.SIGINT)
        try:
            assert service.wait(PATIENCE_S) == 0, "the code that hangs has 600 seconds"
        finally:
            service.kill()
