"""``events`` shows the history, and ``logs`` the log of the service; both can go on until they are stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from tests.command import Process, command, started
from tests.filled import fill
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive import Client, EventFilter
from pywats_archive.models.operation.service import ServiceState
from pywats_archive.models.time import utc_now
from pywats_archive.system_service.systemd import Systemd, pass_on


@contextmanager
def following(*words: str | Path, to: Path) -> Iterator[subprocess.Popen[bytes] | Process]:
    """Run a verb that goes on, with its output in a file; killed in the end if it runs still."""
    with to.open("wb") as output:
        running = started(*words, stdout=output.fileno())
        try:
            yield running
        finally:
            running.kill()
            running.wait()


def test_events_shows_the_newest_last(tmp_path: Path) -> None:
    """By kind, or the first part of one, by entry and by time; with the actor."""
    fill(tmp_path)
    root = tmp_path / "archive"
    command("hold", "add", "SN0", "--reason", "a complaint", "--archive", root)
    *_, held = command("events", "--archive", root).stdout.splitlines()
    assert "  hold.added  " in held and held.endswith("reason a complaint")
    kinds = [line.split()[2] for line in command("events", "--kind", "source", "--archive", root).stdout.splitlines()]
    assert set(kinds) == {"source.archived"} and len(kinds) == 5
    assert command("events", "--kind", "sour", "--archive", root).stdout == "no events\n"
    assert len(command("events", "--last", "2", "--archive", root).stdout.splitlines()) == 2
    of_one = json.loads(command("events", "--id", "SN0", "--json", "--archive", root).stdout)["events"]
    assert [event["kind"] for event in of_one] == ["source.archived", "conversion.recorded", "hold.added"]
    assert {event["archive"] for event in of_one} == {str(root)}
    with Client(root) as client:
        page = client.events(limit=1)
        assert client.events(after=page.positions).events == ()
        assert client.events(EventFilter(since=utc_now() + timedelta(hours=1))).events == ()
        first = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
        last = datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))
        found = [client.events(EventFilter(since=each)).events for each in (datetime.min, first, datetime.max, last)]
        assert list(map(bool, found)) == [True, True, False, False]


@pytest.mark.posix("ends a process with Ctrl-C")
def test_events_can_be_followed(tmp_path: Path) -> None:
    """New events of the kind come, each as a line of JSON; Ctrl-C is the normal end."""
    fill(tmp_path)
    root, output = tmp_path / "archive", tmp_path / "out"
    with following("events", "-f", "--kind", "hold", "--json", "--archive", root, to=output) as running:
        with Client(root, actor="me") as client:
            archive_id = client.resolve("SN0")
            client.retention.hold([archive_id], "a complaint")
            wait_for(lambda: output.read_bytes().count(b"\n") == 1)
            client.retention.release([archive_id])
            wait_for(lambda: output.read_bytes().count(b"\n") == 2)
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE_S) == 0
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(line["kind"], line["actor"], line["schema"]) for line in lines] == [
        ("hold.added", "me", 1),
        ("hold.released", "me", 1),
    ]


@pytest.mark.posix("ends a process with Ctrl-C")
def test_logs_shows_the_file_of_the_service(station: Station, tmp_path: Path) -> None:
    """While it runs, what comes, and after its end."""
    watch, log, output = station.add("c"), tmp_path / "service.log", tmp_path / "out"
    here = ("--archive", station.archive_root)
    whole = [
        sys.executable,
        "-m",
        "pywats_archive",
        "run",
        "--config",
        str(station.write_config()),
        "--log-file",
        str(log),
    ]
    with subprocess.Popen(whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as service:
        wait_for(lambda: _state(station) is ServiceState.RUNNING)
        with following("logs", "-f", "--last", "1000", *here, to=output) as running:
            wait_for(lambda: b"started" in output.read_bytes())
            (watch / "a.log").write_text("a")
            wait_for(lambda: b"a.log" in output.read_bytes())
            running.send_signal(signal.SIGINT)
            assert running.wait(PATIENCE_S) == 0
        service.send_signal(signal.SIGTERM)
        assert service.wait(PATIENCE_S) == 0
    shown = command("logs", "--last", "1", *here)
    assert shown.returncode == 0 and shown.stdout == log.read_text().splitlines(keepends=True)[-1]


def _state(station: Station) -> ServiceState | None:
    if not (station.archive_root / "metadata.db").exists():
        return None
    with Client(station.archive_root) as client:
        return client.services()[0].state


def test_logs_says_where_the_log_is_if_it_is_elsewhere(tmp_path: Path) -> None:
    """One line, and exit code 1."""
    fill(tmp_path)
    shown = command("logs", "--instance", "nobody-has-this", "--archive", tmp_path / "archive")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "'run --log-file FILE'" in shown.stderr and len(shown.stderr.splitlines()) == 1


def test_the_journal_of_a_unit_is_read_by_its_own_program(tmp_path: Path) -> None:
    """Only if the unit is installed and the program is there; no shell reads the words."""
    program = tmp_path / "journalctl"
    systemd = Systemd(folder=tmp_path, journals=(program,))
    assert systemd.journal("pywats-archive", last=5, follow=False) is None
    (tmp_path / "pywats-archive.service").touch()
    assert systemd.journal("pywats-archive", last=5, follow=False) is None
    program.touch()
    found = systemd.journal("pywats-archive", last=5, follow=True)
    assert found == [str(program), "--unit=pywats-archive.service", "--lines=5", "--no-pager", "--follow"]
    assert pass_on([sys.executable, "-c", "pass"]) == 0
    assert pass_on([sys.executable, "-c", "raise SystemExit(3)"]) == 1
