"""One story on five ways: the library, the client over the network, the command, the pages and their JSON twins agree."""

from __future__ import annotations

import asyncio
import html
import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.command import command
from tests.replayed import pages_of
from tests.station import Station
from tests.web_server import Pages

from pywats_archive import (
    Client,
    ConversionStatus,
    EntryFilter,
    NeedsConfirmation,
    ReplayRequest,
    RetentionPolicy,
    UsageError,
)

BEFORE = """
class Limits(Any):
    def outcome(self, source, context):
        if "new" in source.path.read_text():
            return ConverterResult.failed_result(error="no header in <line 1>")
        return ConverterResult.success_result(report=with_step(source.path.stem))

def with_step(sn):
    volts = {"compOp": "GELE", "name": "", "status": "F", "unit": "V", "value": 5.75, "lowLimit": 4.5, "highLimit": 5.5}
    step = {"group": "M", "type": "ET_NLT", "name": "Supply voltage", "status": "F", "numericMeas": [volts]}
    return report(sn, result="F", root={"name": "Main", "status": "F", "steps": [step]})
"""
AFTER = BEFORE.replace('"new" in', '"never" in')
TINY = RetentionPolicy(converter_name="ict", max_size_gb=1e-6, purge_unsubmitted=True)
Step = tuple[float, str, float, float]


class Way(ABC):
    """One way to the station. Every answer is a plain value, so that those of all ways can be compared."""

    @abstractmethod
    def failed(self) -> list[str]:
        """Return the ids of the entries that failed, newest first."""

    @abstractmethod
    def error(self, archive_id: str) -> str:
        """Return why an entry failed."""

    @abstractmethod
    def step(self, archive_id: str) -> Step:
        """Return value, unit and limits of the step that failed."""

    @abstractmethod
    def planned(self) -> tuple[int, int]:
        """Return how many entries a tiny policy would purge, and of how many."""

    @abstractmethod
    def problems(self) -> int:
        """Read every file, and return the number of problems."""

    @abstractmethod
    def replay(self, archive_id: str) -> tuple[int, int]:
        """Compare an entry, then send it; return the numbers of both runs."""

    @abstractmethod
    def converted(self, run_id: int) -> int:
        """Return how many entries of a run are converted now."""


class ByClient(Way):
    """A client: of folders, or over the network."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def failed(self) -> list[str]:
        return [each.archive_id for each in self._client.entries(EntryFilter(status=ConversionStatus.FAILED))]

    def error(self, archive_id: str) -> str:
        return self._client.details(archive_id).entry.conversion_error or ""

    def step(self, archive_id: str) -> Step:
        with self._client.open_report(archive_id) as stream:
            return step_of(json.load(stream))

    def planned(self) -> tuple[int, int]:
        with pytest.raises(NeedsConfirmation) as refused:
            self._client.retention.set_policy(TINY)
        return of(str(refused.value))

    def problems(self) -> int:
        return sum(each.problem is not None for each in self._client.verify())

    def replay(self, archive_id: str) -> tuple[int, int]:
        dry = self._client.replay([archive_id], ReplayRequest(dry_run=True), processes=1)
        return dry.run_id, self._client.replay([archive_id], ReplayRequest(submit_to_server=True), processes=1).run_id

    def converted(self, run_id: int) -> int:
        return self._client.run(run_id).by_comparison["newly_succeeding"]


class ByCommand(Way):
    """The command, with ``--json``."""

    def __init__(self, config: Path) -> None:
        self._config = config

    def _asked(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(command(*words, "--json", "--config", str(self._config)).stdout)
        return found

    def failed(self) -> list[str]:
        return [each["archive_id"] for each in self._asked("list", "--status", "failed")["entries"]]

    def error(self, archive_id: str) -> str:
        return str(self._asked("show", archive_id)["conversion_error"])

    def step(self, archive_id: str) -> Step:
        return step_of(self._asked("show", archive_id, "--report", "1")["document"])

    def planned(self) -> tuple[int, int]:
        tiny = ("--max-size-gb", "0.000001", "--purge-unsubmitted", "--yes")  # it shows the plan of what it sets
        (plan,) = self._asked("policy", "set", "ict", *tiny)["effects"]
        self._asked("policy", "reset", "ict", "--yes")
        return sum(plan["purged"].values()), plan["entries"]

    def problems(self) -> int:
        return len(self._asked("verify")["problems"])

    def replay(self, archive_id: str) -> tuple[int, int]:
        start = ("reprocess", "start", archive_id, "--processes", "1")
        dry = self._asked(*start, "--dry-run")["run_id"]
        return dry, self._asked(*start, "--submit", "--yes")["run_id"]

    def converted(self, run_id: int) -> int:
        return int(self._asked("reprocess", "show", str(run_id))["by_comparison"]["newly_succeeding"])


class ByTwin(Way):
    """The JSON twins of the pages, with the station's token."""

    def __init__(self, served: Pages) -> None:
        self._api = served.api()

    def failed(self) -> list[str]:
        return [each["archive_id"] for each in self._api.get("/api/v1/entries?status=failed").json()["items"]]

    def error(self, archive_id: str) -> str:
        return str(self._api.get(f"/api/v1/entries/{archive_id}").json()["entry"]["conversion_error"])

    def step(self, archive_id: str) -> Step:
        return step_of(self._api.get(f"/api/v1/entries/{archive_id}/reports/1").json())

    def planned(self) -> tuple[int, int]:
        changes = {"max_size_gb": 1e-6, "purge_unsubmitted": True}
        (plan,) = self._api.post("/api/v1/retention/plan", json={"converter_name": "ict", "changes": changes}).json()
        return sum(plan["purged"].values()), plan["entries"]

    def problems(self) -> int:
        self._api.post("/api/v1/integrity/check", json={"depth": "full"})
        while not (check := self._api.get("/api/v1/integrity").json()["check"])["ended_at"]:
            time.sleep(0.1)
        return int(check["problem_count"])

    def replay(self, archive_id: str) -> tuple[int, int]:
        dry = self._ended(self._api.post(f"/api/v1/runs?ids={archive_id}", json={}).json()["run_id"])
        sending = self._api.post(f"/api/v1/runs/{dry}/send", json={"reports": 1}).json()
        return dry, self._ended(sending["run_id"])

    def converted(self, run_id: int) -> int:
        return int(self._api.get(f"/api/v1/runs/{run_id}").json()["by_comparison"]["newly_succeeding"])

    def _ended(self, run_id: int) -> int:
        while self._api.get(f"/api/v1/runs/{run_id}/progress").json()["activity"]:
            time.sleep(0.1)
        return run_id


class ByPage(ByTwin):
    """The pages, read as a person does who has no scripts."""

    def __init__(self, served: Pages, browser: httpx.Client) -> None:
        super().__init__(served)
        self._browser = browser

    def _text(self, place: str) -> str:
        return html.unescape(re.sub(r"<[^>]*>", " ", self._browser.get(place).text))

    def failed(self) -> list[str]:
        shown = self._browser.get("/archives?status=failed").text
        return list(dict.fromkeys(re.findall(r'href="/entries/(\w+)"', shown)))

    def error(self, archive_id: str) -> str:
        found = re.search(r"no header in <.*?>", self._text(f"/entries/{archive_id}"))
        return found[0] if found else ""

    def step(self, archive_id: str) -> Step:
        shown = " ".join(self._text(f"/entries/{archive_id}?tab=report").split())
        found = re.search(r"Supply voltage.*? (5\.75) (V) (4\.5) (5\.5)", shown)
        assert found, shown
        return float(found[1]), found[2], float(found[3]), float(found[4])

    def planned(self) -> tuple[int, int]:
        return of(self._text("/retention/policy?converter=ict&max_size_gb=0.000001&purge_unsubmitted=yes"))

    def problems(self) -> int:
        self._browser.post("/integrity/check", data={"depth": "full"})
        while not (found := re.search(r"(\w+) problems? found", self._text("/integrity"))):
            time.sleep(0.1)
        return 0 if found[1] == "no" else int(found[1])

    def replay(self, archive_id: str) -> tuple[int, int]:
        dry = self._begun("/runs", {}, f"?ids={archive_id}")
        return dry, self._begun(f"/runs/{dry}/send", {"reports": "1"})

    def converted(self, run_id: int) -> int:
        found = re.search(r"(\d+) now converted", " ".join(self._text(f"/runs/{run_id}").split()))
        return int(found[1]) if found else 0

    def _begun(self, place: str, form: dict[str, str], query: str = "") -> int:
        answer = self._browser.post(place + query, data=form)
        assert answer.status_code == 200, answer.text
        return self._ended(int(answer.url.path.rpartition("/")[2]))


def step_of(document: dict[str, Any]) -> Step:
    """Return value, unit and limits of the first step of a report."""
    measured = document["root"]["steps"][0]["numericMeas"][0]
    return measured["value"], measured["unit"], measured["lowLimit"], measured["highLimit"]


def of(text: str) -> tuple[int, int]:
    """Return the numbers in a text such as ``5 of 6 entries``."""
    found = re.search(r"(\d+) of (?:these )?(\d+) entries", text)
    assert found, text
    return int(found[1]), int(found[2])


@contextmanager
def by_library(station: Station, served: Pages) -> Iterator[Way]:
    with Client.from_config(station.root / "config.json") as client:
        yield ByClient(client)


@contextmanager
def by_network(station: Station, served: Pages) -> Iterator[Way]:
    with Client(served.address, token=served.token) as client:
        yield ByClient(client)


@contextmanager
def by_command(station: Station, served: Pages) -> Iterator[Way]:
    yield ByCommand(station.root / "config.json")


@contextmanager
def by_twin(station: Station, served: Pages) -> Iterator[Way]:
    yield ByTwin(served)


@contextmanager
def by_page(station: Station, served: Pages) -> Iterator[Way]:
    with served.browser() as browser:
        yield ByPage(served, browser)


WAYS: dict[str, Callable[[Station, Pages], Any]] = {
    "library": by_library,
    "network": by_network,
    "command": by_command,
    "twin": by_twin,
    "page": by_page,
}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station where a file failed for each way, and one unit; then the converter is fixed."""
    with Station(tmp_path_factory.mktemp("story") / "station") as made:
        made.code(BEFORE)
        watch = made.add("ict", "own.Limits")
        for number, _ in enumerate(WAYS):
            (watch / f"SN{number}.log").write_text(f"new {number}")
        (watch / "SN-unit.log").write_text("as ever")
        made.run()
        made.code(AFTER)
        yield made


@pytest.fixture(scope="module")
def served(station: Station) -> Iterator[Pages]:
    """Its pages."""
    with pages_of(station) as running:
        yield running


@pytest.mark.parametrize("name", WAYS)
def test_each_way_gives_the_same_answers(station: Station, served: Pages, name: str) -> None:
    """What failed, why, the measured value that failed, what a policy would purge, whether all is sound, what a replay does."""
    with Client(station.archive_root) as client:
        unit = client.resolve("SN-unit")
        failed = [each.archive_id for each in client.entries(EntryFilter(status=ConversionStatus.FAILED))]
        mine = client.resolve(f"SN{list(WAYS).index(name)}.log")
        with WAYS[name](station, served) as way:
            assert way.failed() == failed
            assert way.error(mine) == "no header in <line 1>"
            assert way.step(unit) == (5.75, "V", 4.5, 5.5)
            assert way.planned() == (len(WAYS) + 1, len(WAYS) + 1)
            assert way.problems() == 0
            dry, sent = way.replay(mine)
            assert [way.converted(run_id) for run_id in (dry, sent)] == [1, 1]
            assert mine not in way.failed()
        results = [client.run(run_id) for run_id in (dry, sent)]
        assert [(each.dry_run, each.is_submitted, each.effects, each.successful) for each in results] == [
            (True, False, {"new": 1}, 1),
            (False, True, {"new": 1}, 1),
        ]


def test_runs_over_the_network(station: Station, served: Pages) -> None:
    """They are planned, carried out with their counts, read and rolled back as beside the archive."""
    seen: list[tuple[int, int, str]] = []
    days = (date.today() - timedelta(days=1), date.today())
    with Client(served.address, token=served.token) as there, Client(station.archive_root) as here:
        done = asyncio.run(
            there.reprocess_archives("ict", *days, dry_run=True, progress_callback=lambda *counts: seen.append(counts))
        )
        assert seen[-1] == (done.total_archives, done.total_archives, "")
        assert done == here.run(done.run_id) and done.total_archives == len(WAYS) + 1
        unit = there.resolve("SN-unit")
        run_id = there.plan_run([unit], ReplayRequest())
        assert there.run_progress(run_id) == here.run_progress(run_id)
        there.resume_run(run_id, processes=1)
        assert there.resume_run(run_id) == here.run(run_id)
        assert list(there.changes(run_id, unchanged=True)) == list(here.changes(run_id, unchanged=True))
        assert [each.archive_id for each in there.roll_back_run(run_id)] == [unit]
        assert here.run(run_id).state.value == "rolled_back"
        with pytest.raises(UsageError, match=f"run {run_id} is not running"):
            there.cancel_run(run_id)
        assert there.settings.converters() == Client.from_config(station.root / "config.json").settings.converters()
