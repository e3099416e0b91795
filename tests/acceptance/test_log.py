"""The log of a service: what people and programs learn from it about each source, the start and the stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.command import command, started
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive.pipeline.composition.stop_notices import StopNotices

MIXED = """
import uuid
class Mixed(Any):
    def outcome(self, source, context):
        text = source.path.read_text()
        if text == "bad":
            raise ValueError("no header line")
        steps = [] if text == "warned" else [{"name": "s"}]
        found = report(source.path.stem, id=str(uuid.uuid4()), root={"name": "Main", "steps": steps})
        body = {k: v for k, v in found.items() if v is not None}
        return ConverterResult.success_result(report=body)
class Later(Any):
    def outcome(self, source, context):
        return ConverterResult.suspended_result("the other half is missing", retry_after=timedelta(seconds=3600))
"""


@pytest.fixture
def mixed(station: Station) -> Station:
    station.code(MIXED)
    watch = station.add("mixed", "own.Mixed")
    for name in ("good", "warned", "bad"):
        (watch / f"{name}.log").write_text(name)
    station.write_config()
    return station


def run(station: Station, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return command("run", "--until-idle", "--processes", "1", "--config", station.root / "config.json", *words)


def test_each_event_of_a_source_names_its_path_archive_id_and_converter(mixed: Station) -> None:
    """A program needs no other event to know which file an event is about."""
    events = [json.loads(line) for line in run(mixed, "--log-format", "json").stderr.splitlines()]
    of_sources = [each for each in events if each["event"].startswith(("source.", "report."))]
    ids = {each.archive_id for each in mixed.entries()}
    assert len(ids) == 3 and {each["archive_id"] for each in of_sources} == ids
    for each in of_sources:
        assert each["converter"] == "mixed" and each["path"].startswith(str(mixed.root / "mixed/watch"))
    finished = {Path(each["path"]).stem: each for each in events if each["event"] == "source.finished"}
    good, bad = finished["good"], finished["bad"]
    assert (good["level"], good["serial_number"], good["result"], good["reports"], good["accepted"]) == (
        "info",
        "good",
        "PASSED",
        1,
        1,
    )
    assert good["duration_ms"] >= 0 and good["warnings"] == [] and good["to"].endswith("Done/good.log")
    assert (bad["level"], bad["state"], bad["accepted"]) == ("error", "failed", 0)
    assert "no header line" in bad["reason"] and bad["to"].endswith("Error/bad.log")
    assert finished["warned"]["level"] == "warning" and finished["warned"]["warnings"]


def test_people_read_one_line_for_each_source(mixed: Station) -> None:
    """Converter, file, serial number, result, reports, archive id; a failed one says why and where its file is."""
    lines = run(mixed, "--log-format", "text").stderr.splitlines()
    (good,), (warned,), (bad,) = (
        [each for each in lines if f" {name}.log" in each] for name in ("good", "warned", "bad")
    )
    ids = {Path(each.source_original_path).stem: each.archive_id for each in mixed.entries()}
    assert " INFO " in good and good.split()[3:10] == ["mixed", "good.log", "good", "Passed", "1", "report", "accepted"]
    assert ids["good"] in good and good.endswith(" s")
    assert " WARNING " in warned and "no steps" in warned and ids["warned"] in warned
    assert (
        " ERROR " in bad and "no header line" in bad and bad.endswith(f"the file is {mixed.root}/mixed/Error/bad.log")
    )
    assert "pywats-archive" in lines[0] and "stopped; sources of this run: 2 done, 1 failed" in lines[-1]
    assert not [each for each in lines if "\x1b" in each or each.startswith("{")]


def test_a_source_without_an_archive_has_its_line_too(station: Station) -> None:
    """It has no archive id, which the line says."""
    station.code(MIXED)
    (station.add("plain", "own.Mixed", archive_enabled=False) / "good.log").write_text("good")
    station.write_config()
    events = [json.loads(line) for line in run(station, "--log-format", "json").stderr.splitlines()]
    (done,) = [each for each in events if each["event"] == "source.finished"]
    assert (done["converter"], done["archive_id"], done["serial_number"], done["accepted"]) == (
        "plain",
        None,
        "good",
        1,
    )


def test_a_suspended_source_says_why_where_it_is_and_when_it_is_tried_again(station: Station) -> None:
    """It leaves the watch folder without being finished."""
    station.code(MIXED)
    (station.add("later", "own.Later") / "a.log").write_text("x")
    with capture_logs() as lines, station.serving():
        wait_for(lambda: [each for each in lines if each["event"] == "source.suspended"])
    (line,) = [each for each in lines if each["event"] == "source.suspended"]
    assert "other half" in line["reason"] and line["to"].endswith("Pending/a.log") and line["retry_at"]
    assert line["archive_id"] == station.entry().archive_id


def test_a_converted_source_says_that_its_reports_wait_while_the_server_is_away(station: Station) -> None:
    """Its last event may come hours later; each try names the source, and says whether the trouble is new."""
    watch = station.add("any")
    station.server.close()

    def of(name: str, event: str) -> list[Any]:
        return [each for each in lines if each["event"] == event and each["path"] == str(watch / name)]

    with capture_logs() as lines, station.serving():
        (watch / "first.log").write_text("1")
        wait_for(lambda: of("first.log", "report.retry_scheduled"))
        (watch / "second.log").write_text("2")
        wait_for(lambda: of("second.log", "source.converted"))
    assert of("second.log", "source.converted")[0]["waits_for_server"] is True
    assert {each["archive_id"] for each in of("first.log", "report.retry_scheduled")} < {
        each.archive_id for each in station.entries()
    }
    pauses = [each["repeated"] for each in lines if each["event"] == "outbox.pauses"]
    assert pauses[0] is False and all(pauses[1:])


def test_the_first_event_says_what_runs_and_the_last_that_it_stopped(mixed: Station) -> None:
    """Version, process, account, configuration, archives and server, without secrets; and what is kept of each converter."""
    mixed.keys["service_address"] = mixed.server.address.replace("//", "//user:s3cr3t-pw@")
    mixed.write_config()
    events = [json.loads(line) for line in run(mixed, "--log-format", "json").stderr.splitlines()]
    first, last = events[0], events[-1]
    assert (first["event"], last["event"]) == ("service.starting", "service.stopped")
    assert first["version"] and first["process"] and first["account"]
    assert first["configuration"] == str(mixed.root / "config.json")
    assert first["archives"] == [str(mixed.archive_root)]
    assert mixed.server.address.split("//")[1] in first["server"] and "s3cr3t-pw" not in json.dumps(events)
    (kept,) = [each for each in events if each["event"] == "converter.ready"]
    assert (kept["converter"], kept["retention_days"], kept["max_size_gb"]) == ("mixed", 90, 10.0)
    assert last["sources"] == {"done": 2, "failed": 1}


def test_a_log_file_gets_the_whole_log_and_quiet_shows_errors_alone(mixed: Station) -> None:
    """The heartbeat names the file; what is shown on standard error is short."""
    file = mixed.root / "logs" / "run.log"
    done = run(mixed, "--log-format", "text", "--log-file", file, "--quiet")
    assert (done.returncode, done.stdout) == (1, "")
    (shown,) = done.stderr.splitlines()
    assert " ERROR " in shown and "no header line" in shown
    assert len(file.read_text().splitlines()) > 4 and shown in file.read_text()
    only = run(mixed, "--log-level", "error")
    assert (only.returncode, only.stderr) == (0, "")


def test_a_log_file_that_cannot_be_written_is_an_error(mixed: Station) -> None:
    """A service that nobody watches would lose its whole log."""
    refused = run(mixed, "--log-file", mixed.root)
    assert refused.returncode == 1 and str(mixed.root) in refused.stderr and "directory" in refused.stderr.lower()


def test_a_stop_that_takes_long_says_what_it_waits_for() -> None:
    """Every few seconds, while anything is still running."""
    with capture_logs() as lines:
        notices = StopNotices(lambda: ("ICT: /in/a.csv (for 12 s)",), every_s=0.01)
        notices.start()
        notices.start()
        wait_for(lambda: len(lines) >= 2)
        notices.close()
    assert lines[0]["event"] == "service.waiting" and lines[0]["work"] == ["ICT: /in/a.csv (for 12 s)"]


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="a terminal of POSIX")
@pytest.mark.parametrize(("variables", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_a_terminal_gets_colors_unless_it_wants_none(
    station: Station, variables: dict[str, str], colored: bool
) -> None:
    """NO_COLOR and TERM=dumb are obeyed."""
    station.add("any")
    main, terminal = os.openpty()
    environment: dict[str, Any] = {**os.environ, "TERM": "xterm", **variables}
    environment.pop("PYWATS_ARCHIVE_LOG_FORMAT", None)
    words = ("run", "--config", station.write_config(), "--processes", "1")
    service = started(*words, stderr=terminal, environment=environment)
    os.close(terminal)  # a service that ends too early ends the reading too
    text = b""
    while b"started; converters" not in text:
        text += os.read(main, 65_536)
    service.send_signal(signal.SIGTERM)
    assert service.wait(PATIENCE_S) == 0
    os.close(main)
    assert (b"\x1b[" in text) is colored
