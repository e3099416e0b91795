"""Every verb's ``--json`` at a real station: one document, with the fields and types that docs/reference/json.md lists."""

from __future__ import annotations

import getpass
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path

import pytest
from tests.command import command
from tests.documents import faults_of, parts_in
from tests.station import Station, wait_for
from tools.json_reference import DOCUMENTS
from tools.json_types import parts_of

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import runs
from pywats_archive.cli.failures import FailureDocument
from pywats_archive.models.operation.replay import ReplayRequest

CODE = """
class Bad(Any):
    def outcome(self, source, context):
        if source.path.name.startswith("b"):
            raise ValueError("no header line")
        return ConverterResult.success_result(report=report(source.path.stem, misc="{misc}"), warnings=["odd"])
"""
STATION, ARCHIVE = ("--config", "{config}"), ("--archive", "{archive}")
CALLS = {
    "run": ["run", "--until-idle", "--processes", "1", *STATION],
    "status": ["status", *ARCHIVE],
    "status NAME": ["status", "SN77", *ARCHIVE],
    "doctor": ["doctor", *STATION],
    "list": ["list", *ARCHIVE],
    "search": ["search", "header", *ARCHIVE],
    "show": ["show", "SN77", *ARCHIVE],
    "restore": ["restore", "SN77", "--to", "{root}/restored", *ARCHIVE],
    "docs": ["docs"],
    "docs NAME": ["docs", "command"],
    "stats": ["stats", *ARCHIVE],
    "plan": ["plan", "--files-per-day", "100", "--size", "10KB"],
    "policy set": ["policy", "set", "bad", "--retention-days", "30", "--yes", *STATION],
    "policy list": ["policy", "list", *STATION],
    "policy show": ["policy", "show", "*", *STATION],
    "policy reset": ["policy", "reset", "bad", "--yes", *STATION],
    "hold add": ["hold", "add", "SN77", "--reason", "audit", *ARCHIVE],
    "hold list": ["hold", "list", *ARCHIVE],
    "reprocess start": ["reprocess", "start", "--converter", "bad", "--yes", "--processes", "1", *STATION],
    "reprocess resume": ["reprocess", "resume", "1", "--processes", "1", *STATION],
    "reprocess list": ["reprocess", "list", *STATION],
    "reprocess show": ["reprocess", "show", "1", *STATION],
    "reprocess diff": ["reprocess", "diff", "1", "--volatile", *STATION],
    "reprocess cancel": ["reprocess", "cancel", "2", *STATION],
    "reprocess rollback": ["reprocess", "rollback", "1", "--yes", *STATION],
    "verify": ["verify", *ARCHIVE],
    "verify --reproduce": ["verify", "--reproduce", "1", *STATION],
    "purge --preview": ["purge", "--preview", "--from", "2020-01-01", *ARCHIVE],
    "purge --confirm-clock": ["purge", "--confirm-clock", "--yes", *ARCHIVE],
    "purge": ["purge", "--from", "2020-01-01", "--yes", *ARCHIVE],
    "hold release": ["hold", "release", "SN77", *ARCHIVE],
    "rebuild": ["rebuild", "--yes", *ARCHIVE],
    "demo": ["demo", "--count", "20", "--to", "{root}/demo"],
}
"""A call for each document, in an order in which each finds something to do."""
OF_SYSTEM = {name for name in DOCUMENTS if name.startswith("service ")}
Answers = dict[str, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """The answers of all verbs at one station: sources with a warning, a failure and a companion, and open runs."""
    with Station(tmp_path_factory.mktemp("json") / "station") as station:
        station.code(CODE.replace("{misc}", "before"))
        watch = station.add("good", archive_companions=["{stem}/*.txt"])
        (watch / "SN77.log").write_bytes(b"content")
        (watch / "SN77").mkdir()
        (watch / "SN77" / "curve.txt").write_bytes(b"companion")
        other = station.add("bad", "own.Bad", retention_days=20)
        for name in ("b.log", "SN78.log", "unused.log"):
            (other / name).write_bytes(name.encode())
        places = {"config": station.write_config(), "archive": station.archive_root, "root": station.root}
        yield {name: _answer(station, name, words, places) for name, words in CALLS.items()}


def _answer(station: Station, name: str, words: list[str], places: dict[str, Path]) -> subprocess.CompletedProcess[str]:
    if name == "reprocess start":  # two runs as a crash leaves them, to be resumed and to be cancelled
        station.code(CODE.replace("{misc}", "after"))
        with Archive.open(station.archive_root) as archive:
            for entry in station.entries()[:2]:
                runs.begin(archive, ReplayRequest(), [entry.archive_id], actor="test")
    if name == "verify":
        (station.archive_root / "sources" / "unknown.gz").write_bytes(b"unknown")
    if name == "rebuild":
        (station.archive_root / "sources" / "unknown.gz").unlink()
    if name == "status":
        with Archive.open(station.archive_root) as archive:
            seen = ledger.Sighting(path=str(station.root / "gone.log"), size_bytes=1, mtime_ns=1)
            ledger.mark_vanished(archive, ledger.enter(archive, "good", [seen])[0])
    whole = [*(word.format(**places) for word in words), "--json"]
    if name != "status":
        return command(*whole)
    with station.serving():  # only a running service knows how it stands with the server
        found: subprocess.CompletedProcess[str] = wait_for(lambda: _with_server(command(*whole)))
        return found


def _with_server(answer: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str] | None:
    (service,) = json.loads(answer.stdout)["services"]
    return answer if service["server"] else None


def test_a_call_is_made_for_each_document() -> None:
    """A new verb needs a call above."""
    assert set(DOCUMENTS) == set(CALLS) | OF_SYSTEM


@pytest.mark.parametrize("name", CALLS)
def test_the_document_is_as_described(answers: Answers, name: str) -> None:
    """All fields are there, no others, and each has its type."""
    answer = answers[name]
    assert answer.returncode in (0, 1), answer.stderr
    assert faults_of(json.loads(answer.stdout), DOCUMENTS[name]) == []


def test_each_part_of_the_documents_is_seen(answers: Answers) -> None:
    """An empty list would hide a wrong part, so each part is in some document."""
    seen = {part for name, answer in answers.items() for part in parts_in(json.loads(answer.stdout), DOCUMENTS[name])}
    wanted = {part for part in parts_of([DOCUMENTS[name] for name in CALLS]) if is_dataclass(part)}
    assert {part.__name__ for part in wanted - seen} == set()


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux'")
def test_the_service_of_the_system(tmp_path: Path) -> None:
    """What would be installed is a document; without systemd, all else is an error."""
    with Station(tmp_path / "station") as station:
        station.add("ict")
        words = ("service", "install", "--print", "--account", getpass.getuser(), "--config", station.write_config())
        answer = command(*words, "--json")
    assert faults_of(json.loads(answer.stdout), DOCUMENTS["service install"]) == []
    for verb in ("start", "stop", "status", "remove"):
        if shutil.which("systemctl") and Path("/run/systemd/system").is_dir():
            continue
        assert faults_of(json.loads(command("service", verb, "--json").stdout), FailureDocument) == []
