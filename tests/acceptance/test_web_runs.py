"""The Reprocess pages and their API, over a real station, its processes and HTTP on loopback."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.filled import fill
from tests.replayed import fixed, gate, pages_of, sent
from tests.station import PATIENCE_S, Station, wait_for
from tests.web_server import Pages, pages, spawning

from pywats_archive.client import Client
from pywats_archive.models.event import EventFilter
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.users import Users

FAILED = "/api/v1/runs?status=failed"


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station whose converter was fixed."""
    with fixed(tmp_path) as made:
        yield made


@pytest.fixture
def served(station: Station) -> Iterator[Pages]:
    """Its pages."""
    with pages_of(station) as running:
        yield running


def ended(api: httpx.Client, run_id: int) -> dict[str, Any]:
    """Wait until no process works on a run; return its result."""
    wait_for(lambda: not api.get(f"/api/v1/runs/{run_id}/progress").json()["activity"])
    found: dict[str, Any] = api.get(f"/api/v1/runs/{run_id}").json()
    return found


def compared(api: httpx.Client, place: str = FAILED) -> dict[str, Any]:
    """Compare the entries of a view."""
    answer = api.post(place, json={})
    assert answer.status_code == 202, answer.text
    return ended(api, answer.json()["run_id"])


def test_the_history_names_the_user(station: Station, served: Pages) -> None:
    """Who compares, sends and takes back is on record, though processes of their own do the work."""
    users = Users(station.root)
    users.add("opal", "correct horse battery", Role.OPERATOR)
    asked = {"authorization": f"Bearer {users.add_token('opal', 'script', days=1)}"}
    with httpx.Client(base_url=served.address, headers=asked, timeout=PATIENCE_S) as api:
        dry = compared(api)
        run_id = api.post(f"/api/v1/runs/{dry['run_id']}/send", json={"reports": 4}).json()["run_id"]
        ended(api, run_id)
        api.post(f"/api/v1/runs/{run_id}/take-back")
        assert ended(api, run_id)["state"] == "rolled_back"
    with Client.from_config(station.root / "config.json") as client:
        found = client.events(EventFilter(kinds=("run",))).events
    assert {(each.kind, each.actor) for each in found} == {
        ("run.begun", "token:opal/script"), ("run.done", "token:opal/script"), ("run.rolled_back", "token:opal/script"),
    }  # fmt: skip


def test_the_story_through_the_api(station: Station, served: Pages) -> None:
    """Choose, compare, send, take back: the same figures as the library has, and the corrections at the server."""
    with served.api() as api, Client.from_config(station.root / "config.json") as client:
        choice = api.get("/api/v1/runs/choice?status=failed").json()
        assert (choice["count"], choice["is_exact"]) == (4, True) and choice["seconds"] > 0
        dry = compared(api)
        assert (dry["state"], dry["dry_run"], dry["by_comparison"]) == ("done", True, {"newly_succeeding": 4})
        assert dry["effects"] == {"new": 4} and len(sent(station)) == 3
        run_id = api.post(f"/api/v1/runs/{dry['run_id']}/send", json={"reports": 4}).json()["run_id"]
        result = ended(api, run_id)
        assert (result["is_submitted"], result["successful"], result["request"]["selection"]) == (
            True, 4, {"entries_of": dry["run_id"]},
        )  # fmt: skip
        assert {sn: high for sn, high in sent(station).items() if sn < "SN4"} == dict.fromkeys(
            ["SN0", "SN1", "SN2", "SN3"], 5.0
        )
        assert [each["run_id"] for each in api.get("/api/v1/runs").json()] == [run.run_id for run in client.runs()]
        assert result["by_comparison"] == client.run(run_id).by_comparison
        assert len(api.get(f"/api/v1/runs/{run_id}/changes").json()) == 4
        api.post(f"/api/v1/runs/{run_id}/take-back")
        assert ended(api, run_id)["state"] == "rolled_back"
        assert client.statistics().failed_entries == 4


def test_a_result_that_turns_needs_a_reason(station: Station, served: Pages) -> None:
    """Without one the report is held back; with one it is sent, and the reason is on record."""
    with served.api() as api:
        dry = compared(api, "/api/v1/runs?serial=SN6")
        assert dry["verdict_changes"] == [["SN6", "P", "F"]]
        held = api.post(f"/api/v1/runs/{dry['run_id']}/send", json={"reports": 1}).json()["run_id"]
        assert ended(api, held)["skipped"] == 1 and sent(station)["SN6"] == 5.5
        asked = {"reports": 1, "reason": "the limit was wrong"}
        run_id = api.post(f"/api/v1/runs/{dry['run_id']}/send", json=asked).json()["run_id"]
        assert ended(api, run_id)["request"]["allow_verdict_change"] == "the limit was wrong"
        assert sent(station)["SN6"] == 5.0


def test_a_form_sent_twice_starts_one_run(station: Station, served: Pages) -> None:
    """At the same moment, later, and once more after the run has ended; a fresh form starts another one."""
    gate(station).touch()
    with served.browser() as browser, served.api() as api:

        def post(since: str) -> str:
            answer = browser.post("/runs?status=failed", data={"since": since}, follow_redirects=False)
            assert answer.status_code == 303, answer.text
            return answer.headers["location"]

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(post, ["0"] * 4)) == {"/runs/1"}
        gate(station).unlink()
        ended(api, 1)
        assert post("0") == "/runs/1" and len(api.get("/api/v1/runs").json()) == 1
        assert post("1") == "/runs/2"
        assert ended(api, 2)["state"] == "done"


def test_two_processes_plan_one_run(station: Station) -> None:
    """What another process planned between the look and the lock is found under the lock."""
    with Client.from_config(station.write_config()) as client:
        engine = client.reprocessing()
        ids = [entry.archive_id for entry in client.entries()]
        how = ReplayRequest(dry_run=True, selection={"ids": ids})
        assert [engine.plan(ids, how, since=0) for _ in range(2)] == [1, 1]
        assert engine.plan(ids, how, since=1) == 2


def test_other_entries_are_another_run(station: Station) -> None:
    """Also where the record names the first ids alone; the same entries, with or without a record of them, are the same run."""
    with Client.from_config(station.write_config()) as client:
        fill(station.root, files=12)
        ids = [entry.archive_id for entry in client.entries()]
        how = ReplayRequest(dry_run=True)
        asked = [ids[:11], ids[:12], ids[:11]]
        assert [client.plan_run(each, how, since=0) for each in asked] == [1, 2, 1]
        assert [client.reprocessing().plan(each, how, since=0) for each in asked] == [1, 2, 1]


def test_a_comparison_is_sent_once(station: Station, served: Pages) -> None:
    """Asked again, the answer is the run that sent it: no test comes to the server under a second id."""
    with served.api() as api:
        how = {"request": {"dry_run": True, "new_id": True}}
        dry = api.post("/api/v1/runs/plan?status=success", json=how).json()["run_id"]
        api.post(f"/api/v1/runs/{dry}/resume")
        reports = sum(ended(api, dry)["effects"].values())

        def send() -> int:
            answer = api.post(f"/api/v1/runs/{dry}/send", json={"reports": reports, "reason": "new limits"})
            assert answer.status_code == 202, answer.text
            run_id: int = answer.json()["run_id"]
            return run_id

        first = send()
        ended(api, first)
        sent(station)
        before = set(station.server.received)
        assert send() == first and ended(api, first)["state"] == "done"
        again = api.post(f"/api/v1/runs/{dry}/send", json={"reports": reports, "reason": "another"})
        assert again.status_code == 422 and f"run {first} sent" in again.text
        sent(station)
        assert set(station.server.received) == before


def test_a_run_survives_a_restart_of_the_pages(station: Station) -> None:
    """It goes on without them, and the pages show its progress again."""
    gate(station).touch()
    with pages_of(station) as first, first.api() as api:
        run_id = api.post(FAILED, json={}).json()["run_id"]
        wait_for(lambda: api.get(f"/api/v1/runs/{run_id}/progress").json()["activity"] == "replaying")
        wait_for(lambda: is_replaying(station))
    with pages_of(station) as second, second.api() as api, second.browser() as browser:
        assert api.get(f"/api/v1/runs/{run_id}/progress").json()["activity"] == "replaying"
        assert "data-live" in browser.get(f"/runs/{run_id}").text
        gate(station).unlink()
        assert ended(api, run_id)["by_comparison"] == {"newly_succeeding": 4}


@pytest.mark.skipif(sys.platform != "linux", reason="finds the process in /proc")
def test_a_killed_run_is_resumed(station: Station) -> None:
    """The page says that no process works on it; Resume replays what is left, and Cancel leaves it."""
    gate(station).touch()
    words = [sys.executable, "-m", "pywats_archive", "web", "--port", "0", "--config", str(station.write_config())]
    with spawning(words) as served, served.browser() as browser, served.api() as api:
        browser.post("/runs?status=failed", data={"since": "0"})
        wait_for(lambda: is_replaying(station))
        os.killpg(replaying_process(served), signal.SIGKILL)
        wait_for(lambda: "Interrupted" in browser.get("/runs/1").text)
        assert "No process works on this run" in browser.get("/runs/1").text
        assert "Interrupted" in browser.get("/runs").text
        gate(station).unlink()
        browser.post("/runs/1/resume")
        assert ended(api, 1)["by_comparison"] == {"newly_succeeding": 4}
        assert browser.post("/runs/1/resume").status_code == 422


def test_a_run_is_cancelled(station: Station, served: Pages) -> None:
    """After the entries in progress; cancelling twice changes nothing."""
    gate(station).touch()
    with served.browser() as browser, served.api() as api:
        browser.post("/runs?status=failed", data={"since": "0"})
        assert "Cancelled" in browser.post("/runs/1/cancel").text
        gate(station).unlink()
        assert ended(api, 1)["state"] == "cancelled"
        assert browser.post("/runs/1/cancel").status_code == 200
        assert "the comparison is not finished" in browser.get("/runs/1/send").text


def test_the_progress_is_streamed_until_the_end(station: Station, served: Pages) -> None:
    """Each event has the counts; the stream ends with the run."""
    gate(station).touch()
    with served.api() as api:
        api.post(FAILED, json={})
        with api.stream("GET", "/api/v1/runs/1/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
            first = next(lines)
            gate(station).unlink()
            *_, last = lines
        assert (first["activity"], first["planned"], last["activity"], last["done"]) == ("replaying", 4, "", 4)
        assert api.get("/api/v1/runs/9/events").status_code == 404


def test_an_open_stream_does_not_keep_the_pages_from_ending(station: Station) -> None:
    """The pages end in order, although a run goes on and somebody watches it."""
    gate(station).touch()
    with pages_of(station) as running, running.api() as api:
        api.post(FAILED, json={})
        with api.stream("GET", "/api/v1/runs/1/events") as stream:
            lines = stream.iter_lines()
            next(lines)
            os.kill(running.process, signal.SIGTERM) if sys.platform == "linux" else None
            assert not any("data" in line for line in lines) or sys.platform != "linux"
    gate(station).unlink()
    with pages_of(station) as running, running.api() as api:
        ended(api, 1)


def test_a_wrong_number_sends_nothing(served: Pages) -> None:
    """The form comes back with what was typed, and says what is wrong."""
    with served.browser() as browser, served.api() as api:
        compared(api)
        for reports in ("", "3", "four", "-4", "4e0"):
            answer = browser.post("/runs/1/send", data={"reports": reports, "since": "1"})
            assert answer.status_code == 409 and 'role="alert"' in answer.text and f'value="{reports}"' in answer.text
        assert len(api.get("/api/v1/runs").json()) == 1


def test_foreign_text_is_text(served: Pages) -> None:
    """Errors of a converter and values of reports are shown, and are no markup."""
    with served.api() as api, served.browser() as browser:
        api.post("/api/v1/runs?q=here", json={"original_converter": True})
        assert [error for _, error in ended(api, 1)["errors"]] == ["no header <b>here</b>"] * 4
        for place in ("/runs", "/runs/1", "/runs/new?q=%3Cb%3Ehere", "/runs/1/send"):
            assert "<b>" not in browser.get(place).text, place
        assert "&lt;b&gt;here" in browser.get("/runs/1").text


def test_each_run_is_of_one_of_several_archives(station: Station) -> None:
    """The pages ask which one, and every address of a run names it."""
    (station.add("fct", "own.Limits", archive_folder=str(station.root / "other")) / "SN9.log").write_text("new 9")
    station.run()
    with pages_of(station) as running, running.browser() as browser, running.api() as api:
        assert browser.get("/runs").text.count("No run yet") == 2
        asked = browser.get("/runs/new?serial=SN9").text
        assert 'action="/runs' not in asked and "archive=" in asked
        assert browser.post("/runs?serial=SN9", data={"since": "0"}).status_code == 422
        named = {"archive": str(station.root / "other")}
        assert 'action="/runs' in browser.get("/runs/new", params={"serial": "SN9", **named}).text
        shown = browser.post("/runs", params={"serial": "SN9", **named}, data={"since": "0"})
        assert shown.status_code == 200 and shown.url.params["archive"] == named["archive"]
        wait_for(lambda: not api.get("/api/v1/runs/1/progress", params=named).json()["activity"])
        assert browser.get("/runs").text.count("No run yet") == 1
        assert api.get("/api/v1/runs/1", params=named).json()["processed"] == 1


def test_pages_of_an_archive_alone_say_what_they_lack(tmp_path: Path) -> None:
    """The runs on record are shown; replaying needs a configuration, and the page says so."""
    fill(tmp_path)
    with pages(tmp_path / "archive") as running, running.browser() as browser:
        assert "No run yet" in browser.get("/runs").text
        for place in ("/runs", "/runs/new?status=failed"):
            assert "web --config config.json" in browser.get(place).text
        answer = browser.post("/runs?status=failed", data={"since": "0"})
        assert answer.status_code == 422 and "web --config config.json" in answer.text


PROBLEMS = [
    ("GET", "/runs/9", 404),
    ("GET", "/runs/0", 404),
    ("GET", "/runs/x", 404),
    ("GET", "/runs/9/send", 404),
    ("POST", "/runs/9/resume", 404),
    ("POST", "/runs/9/take-back", 404),
    ("GET", "/runs/new?status=odd", 422),
    ("GET", "/runs?archive=/nowhere", 422),
    ("GET", "/runs?archive=%00", 200),
    ("POST", "/runs?serial=none", 422),
]


def test_a_problem_says_what(served: Pages) -> None:
    """What is not there, or cannot be used, is a page and a problem document, and starts nothing."""
    with served.browser() as browser, served.api() as api:
        for method, place, status in PROBLEMS:
            assert browser.request(method, place).status_code == status, place
            answer = api.request(method, "/api/v1" + place, json={} if method == "POST" else None)
            assert answer.status_code in (status, 404, 405, 422), place
        assert api.get("/api/v1/runs").json() == []


def is_replaying(station: Station) -> bool:
    """Whether a process has begun with a run."""
    with Client(station.archive_root) as client:
        return client.is_replaying()


def replaying_process(served: Pages) -> int:
    """Return the id of the process that these pages started for a run."""
    return next(int(each.pid) for each in psutil.Process(served.process).children() if "resume" in each.cmdline())
