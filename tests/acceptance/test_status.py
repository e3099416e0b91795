"""What ``status`` shows: the service, the server, what waits, what is wrong, and the last days."""

from __future__ import annotations

import getpass
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.command import command
from tests.station import Station, wait_for

from pywats_archive import Client
from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.errors import UnknownEntry
from pywats_archive.portable.user import current_actor


def document(*words: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(command("status", "--json", *words).stdout)
    return found


def vanish(root: Path, *names: str) -> None:
    """Let sources vanish before they are archived."""
    with Archive.open(root, own=True, create=True) as archive:
        seen = [ledger.Sighting(path=f"/watch/{name}", size_bytes=3, mtime_ns=1) for name in names]
        for arrival in ledger.enter(archive, "ICT", seen):
            ledger.mark_vanished(archive, arrival)


def test_status_begins_with_the_service_and_the_server(station: Station) -> None:
    """While it runs, after it stopped, and while the server does not answer."""
    watch, here = station.add("c"), ("--archive", station.archive_root)
    (watch / "a.log").write_text("a")
    with station.serving():
        wait_for(lambda: [each.state.value for each in station.arrivals()] == ["done"])
        wait_for(lambda: (document(*here)["services"][0]["server"] or {}).get("has_answered"))
        service, server, waiting, *_ = command("status", *here).stdout.splitlines()
        assert service.startswith("service    running since today ") and f"process {os.getpid()} on " in service
        assert f"account {getpass.getuser()}" in service and ", version " in service
        assert server.startswith(f"server     {station.server.address}: ok, last accepted today ")
        assert waiting == "waiting    nothing"
        station.server.close()
        (watch / "b.log").write_text("b")
        wait_for(lambda: document(*here)["services"][0]["server"]["trouble"])
        _, server, waiting, *_ = command("status", *here).stdout.splitlines()
        assert ": not accepting reports since today " in server and "; last accepted today " in server
        assert "1 waiting for the server" in waiting and "1 report for the server" in waiting
        assert "the oldest came today " in waiting and "b.log" in waiting
    service, server, *_ = command("status", *here).stdout.splitlines()
    assert service.startswith("service    stopped since today ") and "'pywats-archive service start'" in service
    assert server.startswith("server     not known without a running service; last accepted today ")
    station.server.start()


def test_status_counts_what_came_after_the_service_stopped(station: Station) -> None:
    """The sources that no service has seen wait too, so "nothing" would be wrong."""
    watch, here = station.add("c"), ("--config", station.write_config())
    station.run()
    assert command("status", *here).stdout.splitlines()[2] == "waiting    nothing"
    (watch / "a.log").write_text("a")
    assert command("status", *here).stdout.splitlines()[2] == "waiting    1 source that no service has seen yet"


def test_status_counts_today_and_the_last_days(station: Station) -> None:
    """Each converter in a line; ``--by-day`` has a line for each day, with every state."""
    (station.add("c") / "a.log").write_text("a")
    station.add("d")
    station.run()
    here = ("--archive", station.archive_root)
    lines = command("status", *here).stdout.splitlines()
    assert "the counts agree" in lines
    assert next(line.split() for line in lines if line.startswith("c ")) == ["c", "1", "1", "1", "1"]
    assert "7 days" in command("status", *here).stdout and "30 days" in command("status", "--days", "30", *here).stdout
    by_day = command("status", "--by-day", *here).stdout
    assert next(line.split()[1:] for line in by_day.splitlines() if line[:2] == "20") == ["c", "1", "1"]


def test_a_vanished_source_is_named_until_a_person_acknowledges_it(tmp_path: Path) -> None:
    """The history has the person and the reason; then all is well again (invariant 12)."""
    root, here = tmp_path / "a", ("--archive", tmp_path / "a")
    vanish(root, "one.csv", "two.csv", "three.csv")
    shown = command("status", *here)
    assert shown.returncode == 1
    assert "! /watch/one.csv vanished before it could be archived (ICT, today " in shown.stdout
    assert "'pywats-archive status --acknowledge 1'" in shown.stdout
    after = command("status", "--acknowledge", "one.csv", "--reason", "a test run", *here)
    assert after.returncode == 1 and "one.csv" not in after.stdout and "two.csv" in after.stdout
    assert command("status", "--acknowledge", "2", *here).returncode == 1
    assert command("status", "--acknowledge", "all", *here).returncode == 0
    again = command("status", "--acknowledge", "all", *here)
    assert again.returncode == 2 and "no vanished source 'all' waits" in again.stderr
    one, *rest = document(*here)["vanished"]
    assert (one["path"], one["acknowledgement"], one["acknowledged_by"]) == (
        "/watch/one.csv",
        "a test run",
        current_actor(),
    )
    assert [each["acknowledgement"] for each in rest] == [None, None]
    assert document(*here)["is_well"] is True
    with Client([root]) as client, pytest.raises(UnknownEntry):
        client.acknowledge("1")


@pytest.mark.parametrize("words", [("--reason", "x"), ("a.log", "--acknowledge", "all"), ("--days", "0")])
def test_options_that_do_not_go_together_are_wrong_use(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Nothing is recorded."""
    vanish(tmp_path / "a", "one.csv")
    assert command("status", *words, "--archive", tmp_path / "a").returncode == 2
    assert document("--archive", tmp_path / "a")["vanished"][0]["acknowledged_at"] is None


def test_a_file_that_no_pattern_matches_is_explained(station: Station) -> None:
    """The converter whose watch folder it lies in is named, with its patterns."""
    watch = station.add("ICT", file_patterns=["*.csv"])
    (watch / "a.csv").write_text("a")
    station.run()
    here = ("--config", station.root / "config.json")
    for name in ("b.log", "c.csv"):
        (watch / name).write_text("b")
    shown = command("status", watch / "b.log", *here)
    assert shown.returncode == 1
    assert "; it lies in ICT's watch folder, whose patterns are *.csv; no service is running" in shown.stdout
    assert "; it lies in ICT's watch folder, and its patterns match" in command("status", watch / "c.csv", *here).stdout
    assert "is the file in a watch folder" in command("status", "/elsewhere/x.log", *here).stdout


def test_a_source_that_waits_is_shown_with_the_reason(station: Station) -> None:
    """``status FILE`` names the alert because of which a source is only seen, until the source is done."""
    watch = station.add("c", "own.Missing")
    (watch / "a.log").write_text("a")
    with station.serving():
        wait_for(station.arrivals)
        wait_for(lambda: document("--archive", station.archive_root)["alerts"])
        shown = command("status", watch / "a.log", "--archive", station.archive_root).stdout
        assert f"{watch / 'a.log'}: seen since " in shown
        assert "! The code of the converter c cannot be loaded: " in shown and "(converter.unavailable, " in shown
        station.sections[0]["module_path"] = "own.Any"
        station.write_config()
        wait_for(lambda: station.names("c/Done") == ["a.log"])
        assert "! The" not in command("status", "a.log", "--archive", station.archive_root).stdout
