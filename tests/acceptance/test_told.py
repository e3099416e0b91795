"""Trouble that a person must know of is reported: alerts, a state of its own, and exit 1 of ``status`` (invariants 11, 12)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.command import command
from tests.station import Station, wait_for
from tests.tls import untrusted_server

from pywats_archive.archive.alerts import open_alerts
from pywats_archive.demo import faults
from pywats_archive.models.operation.statistics import OpenAlert


def alerts(station: Station) -> dict[str, OpenAlert]:
    """Return the alerts that are open, by name; none while there is no archive."""
    if not (station.archive_root / "metadata.db").exists():
        return {}
    with station.archive() as archive:
        return {alert.name: alert for alert in open_alerts(archive)}


def status(station: Station, *what: str) -> tuple[int, dict[str, Any]]:
    """Ask with the command; returns exit code and document."""
    answer = command("status", *what, "--json", "--archive", station.archive_root)
    return answer.returncode, json.loads(answer.stdout)


def test_an_expired_token_is_told(station: Station) -> None:
    """401 is an alert at once, in status (exit 1) and stats too, and over when the server takes the next report."""
    (station.add("ict") / "SN1.log").write_bytes(b"x")
    station.server.fault = faults.always(faults.answer(401, "token expired"))
    assert station.run().waiting
    assert "token expired" in str(alerts(station)["server.unauthorised"].details["reason"])
    code, document = status(station)
    names = [alert["name"] for alert in document["alerts"]]
    assert (code, names) == (1, ["server.unauthorised", "service.not_running"])  # the run is over, and it waits
    (found,) = status(station, "SN1")[1]["arrivals"]
    assert found["state"] == "waiting for the server" and "token expired" in found["reason"]
    assert "server.unauthorised" in command("stats", "--archive", station.archive_root).stdout
    station.server.fault = None
    assert station.run().waiting == ()
    assert (status(station)[0], alerts(station)) == (0, {})


def test_a_certificate_that_is_not_trusted_is_told(station: Station, tmp_path: Path) -> None:
    """Nothing is sent, the run ends, and the words say what to do."""
    (station.add("ict") / "SN1.log").write_bytes(b"x")
    with untrusted_server(tmp_path) as address:
        station.keys["service_address"] = address
        left = station.run()
    reason = str(alerts(station)["server.away"].details["reason"])
    assert "certificate" in reason and "SSL_CERT_FILE" in reason
    assert any(reason in line for line in left.waiting)
    assert station.names("ict/watch") == ["SN1.log"]


def test_a_refused_report_is_a_warning_and_an_alert(station: Station) -> None:
    """The server's words are with the entry, searchable; the alert is over once a later conversion is taken."""
    (station.add("ict") / "SN1.log").write_bytes(b"x")
    station.server.fault = faults.always(faults.answer(400, "unknown product PX-77"))
    station.run()
    *others, warning = station.entry().warnings
    assert "the server refused report 1" in warning and "unknown product PX-77" in warning
    assert station.entries(text="PX-77") == station.entries(warned=True) == (station.entry(),)
    assert "PX-77" in str(alerts(station)["reports.refused"].details["reason"])
    assert status(station)[0] == 1
    station.server.fault = None
    (station.root / "ict/Error/SN1.log").rename(station.root / "ict/watch/SN1.log")
    station.run()
    assert (list(station.entry().warnings), alerts(station)) == (others, {})


def test_a_refused_report_without_an_archive_is_told(station: Station) -> None:
    """If no archive has the report, the archives of the other converters record the alert."""
    (station.add("plain", archive_enabled=False) / "SN1.log").write_bytes(b"x")
    station.add("kept")
    station.server.fault = faults.always(faults.answer(400, "unknown product PX-77"))
    station.run()
    alert = alerts(station)["reports.refused"]
    assert alert.subject == "plain" and "PX-77" in str(alert.details["reason"])


@pytest.mark.parametrize("archived", [True, False])
def test_a_source_that_cannot_leave_has_a_state_of_its_own(station: Station, archived: bool) -> None:
    """The server has it: nothing waits for the server, the alert names file and reason, and it leaves later, sent once."""
    (station.add("ict", archive_enabled=archived) / "SN1.log").write_bytes(b"x")
    station.add("other")
    in_the_way = station.root / "ict/Done"
    in_the_way.write_bytes(b"a file, where the folder belongs")
    left = station.run()
    assert any("SN1.log" in line and "Done" in line for line in left.waiting), left
    alert = alerts(station)["source.stuck"]
    assert alert.subject == "ict" and "SN1.log" in str(alert.details["path"])
    if archived:
        code, document = status(station)
        assert code == 1 and document["agrees"]
        assert document["accounts"][0]["by_state"] == {"cannot leave its folder": 1}
        (found,) = status(station, "SN1")[1]["arrivals"]
        assert found["state"] == "cannot leave its folder" and "Done" in found["reason"]
    in_the_way.unlink()
    assert station.run().waiting == ()
    assert station.names("ict/Done") == ["SN1.log"] and alerts(station) == {}
    assert len(station.server.received) == 1
    if archived:
        assert [(a.state.value, a.reason) for a in station.arrivals()] == [("done", None)]
        assert [len(bodies) for bodies in station.server.received.values()] == [1]


@pytest.mark.parametrize("archived", [True, False])
def test_the_alert_on_a_source_that_could_not_leave_clears_when_it_leaves(station: Station, archived: bool) -> None:
    """The running service tries again, and clears the alert without a restart."""
    (station.add("ict", archive_enabled=archived) / "SN1.log").write_bytes(b"x")
    station.add("other")
    in_the_way = station.root / "ict/Done"
    in_the_way.write_bytes(b"a file, where the folder belongs")
    with station.serving():
        wait_for(lambda: "source.stuck" in alerts(station))
        in_the_way.unlink()
        wait_for(lambda: station.names("ict/Done") == ["SN1.log"])
        wait_for(lambda: alerts(station) == {})


def test_a_failed_source_that_could_not_leave_keeps_its_reason(station: Station) -> None:
    """In the end the ledger says why it failed, not why it was late in Error."""
    station.code(
        "class Bad(Any):\n    def outcome(self, source, context):\n        raise ValueError('no such limit')\n"
    )
    (station.add("ict", "own.Bad") / "SN1.log").write_bytes(b"x")
    in_the_way = station.root / "ict/Error"
    in_the_way.write_bytes(b"a file, where the folder belongs")
    assert station.run().waiting
    assert [arrival.state.value for arrival in station.arrivals()] == ["cannot leave its folder"]
    in_the_way.unlink()
    station.run()
    (arrival,) = station.arrivals()
    assert arrival.state.value == "failed" and "no such limit" in (arrival.reason or "")


@contextmanager
def unlistable(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """Have a folder that cannot be listed, for anybody."""
    scandir: Callable[..., Any] = os.scandir

    def refuse(path: Any) -> Any:
        if str(path) == str(folder):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refuse)
        yield


def test_a_watch_folder_that_cannot_be_listed_is_told(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alert names the folder, the run ends with 1, and it is over once the folder can be listed."""
    watch = station.add("ict")
    with unlistable(monkeypatch, watch):
        left = station.run()
        assert any(str(watch) in line for line in left.waiting)
    alert = alerts(station)["watch.unreadable"]
    assert alert.subject == str(watch) and "Permission denied" in str(alert.details["reason"])
    assert status(station)[0] == 1
    assert station.run().waiting == () and alerts(station) == {}


def test_the_alert_on_a_watch_folder_clears_when_it_can_be_listed(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The running service processes what lies there, and clears the alert without a restart."""
    watch = station.add("ict")
    with station.serving():
        with unlistable(monkeypatch, watch):
            (watch / "SN1.log").write_bytes(b"x")
            wait_for(lambda: "watch.unreadable" in alerts(station))
        (watch / "SN2.log").write_bytes(b"x")
        wait_for(lambda: station.names("ict/Done") == ["SN1.log", "SN2.log"])
        wait_for(lambda: alerts(station) == {})


def test_a_report_that_cannot_be_read_is_an_alert(station: Station) -> None:
    """It is named as long as it waits, and the alert is over when it can be sent."""
    (station.add("ict") / "SN1.log").write_bytes(b"x")
    station.server.fault = faults.always(faults.answer(401))
    station.run()
    station.server.fault = None
    blob = next(station.archive_root.rglob("reports/**/*.json.gz"))
    aside = blob.rename(blob.with_name("aside"))
    station.run()
    alert = alerts(station)["reports.unsendable"]
    assert alert.subject == str(station.archive_root) and blob.name in str(alert.details["reason"])
    aside.rename(blob)
    assert station.run().waiting == () and alerts(station) == {}


def test_the_alert_on_a_report_that_cannot_be_read_clears_when_it_is_sent(station: Station) -> None:
    """The running service sends the report when it is asked to reload, and clears the alert without a restart."""
    (station.add("ict") / "SN1.log").write_bytes(b"x")
    station.server.stop()
    with station.serving():
        wait_for(lambda: [arrival.state.value for arrival in station.arrivals()] == ["waiting for the server"])
    blob = next(station.archive_root.rglob("reports/**/*.json.gz"))
    aside = blob.rename(blob.with_name("aside"))
    station.server.start()
    with station.serving() as service:
        wait_for(lambda: "reports.unsendable" in alerts(station))
        aside.rename(blob)
        service.reload()
        wait_for(lambda: station.server.received)
        wait_for(lambda: alerts(station) == {})


def test_a_service_that_is_missing_is_told_by_who_only_reads(station: Station) -> None:
    """Files lie there and nobody takes them: status and stats say so, and so does the question for one of them."""
    watch = station.add("ict", file_patterns=["*.log"])
    (watch / "SN1.log").write_bytes(b"x")
    assert station.run().waiting == ()
    here = ("--config", station.write_config())
    assert command("status", *here).returncode == 0
    (watch / "SN2.log").write_bytes(b"x")
    answer = command("status", *here)
    assert answer.returncode == 1 and "service.not_running" in answer.stdout and "waiting 1" in answer.stdout
    assert "service.not_running" in command("stats", *here).stdout
    assert "no service is running" in command("status", "SN2", *here).stdout
    with station.serving():
        wait_for(lambda: [each.state.value for each in station.arrivals()] == ["done", "done"])
        answer = command("status", *here)
        assert (answer.returncode, "running" in answer.stdout) == (0, True), answer.stdout
