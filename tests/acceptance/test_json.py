"""Every verb's ``--json`` at a real station: one document, with the fields and types that docs/reference/json.md lists."""

from __future__ import annotations

import getpass
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path

import pytest
from tests.command import command
from tests.documents import faults_of, parts_in
from tests.filled import fill
from tests.station import Station, wait_for
from tests.verbs import CALLS, VerbStation
from tools.json_reference import DOCUMENTS, STREAMS
from tools.json_types import parts_of

from pywats_archive.cli.failures import FailureDocument

ELSEWHERE = {"Approval"}
"""Only a compliant archive has one: ``test_approvals`` compares it."""
NOT_CALLED = {name for name in DOCUMENTS if name.startswith("service ")} | {"web users add", "qualify"}
"""Those of the system's service; one that asks for a password, and prints what ``web users set`` does; and one of a minute."""
Answers = dict[str, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """The answers of all verbs at one station."""
    with Station(tmp_path_factory.mktemp("json") / "station") as station:
        verbs = VerbStation(station)
        yield {name: _answer(station, name, [*verbs.words(name), "--json"]) for name in CALLS}


def _answer(station: Station, name: str, words: list[str]) -> subprocess.CompletedProcess[str]:
    if name != "status":
        return command(*words)
    with station.serving():  # only a running service knows how it stands with the server
        found: subprocess.CompletedProcess[str] = wait_for(lambda: _with_server(command(*words)))
        return found


def _with_server(answer: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str] | None:
    (service,) = json.loads(answer.stdout)["services"]
    return answer if service["server"] else None


def test_a_call_is_made_for_each_document() -> None:
    """A new verb needs a call in ``tests/verbs.py``."""
    assert set(DOCUMENTS) == set(CALLS) | NOT_CALLED


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
    assert {part.__name__ for part in wanted - seen} == ELSEWHERE


@pytest.mark.posix("SIGINT of one process")
def test_each_line_of_a_stream_is_a_document(tmp_path: Path) -> None:
    """``events --follow`` writes a document per line, at once, until Ctrl-C."""
    contents = fill(tmp_path)
    words = [
        sys.executable,
        "-m",
        "pywats_archive",
        "events",
        "--follow",
        "--json",
        "--archive",
        str(tmp_path / "archive"),
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout
        lines = [following.stdout.readline() for _ in contents]
        following.send_signal(signal.SIGINT)
        lines += following.stdout.readlines()
    assert following.returncode == 0
    assert [fault for line in lines for fault in faults_of(json.loads(line), STREAMS["events --follow"])] == []


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
