"""Errors as JSON: with ``--json`` an error is a document on standard output, and nothing else is there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.command import command
from tests.filled import fill

MORE_THAN_A_PIPE_HOLDS = 1 << 20


@pytest.mark.parametrize(
    ("words", "kind", "code"),
    [
        (["lst", "--json"], "UsageError", 2),
        (["list", "--json", "--nothing"], "UsageError", 2),
        (["list", "--json", "--limit", "x"], "UsageError", 2),
        (["show", "--json"], "UsageError", 2),
        (["show", "--json", "nothing", "--archive", "{archive}"], "UnknownEntry", 2),
        (["list", "--json", "--archive", "{root}"], "NotAnArchive", 2),
        (["list", "--json", "--config", "{root}/none.json"], "ConfigError", 2),
        (["rebuild", "--json", "--archive", "{archive}"], "UsageError", 2),
        (["demo", "--json", "--to", "{archive}/README.txt"], "FileError", 1),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_an_error_is_a_document(tmp_path: Path, words: list[str], kind: str, code: int) -> None:
    """Kind, message and exit code; the message is the line on standard error."""
    fill(tmp_path)
    answer = command(*(word.format(archive=tmp_path / "archive", root=tmp_path) for word in words))
    document = json.loads(answer.stdout)
    error = document["error"]
    assert document == {
        "schema": 1,
        "error": {"kind": kind, "message": error["message"], "exit_code": code},
    }
    assert (answer.returncode, answer.stderr) == (code, f"pywats-archive: {error['message']}\n")


def test_a_long_value_is_not_printed_whole(tmp_path: Path) -> None:
    """Of an impossible path the beginning is shown, and what to do; a path that can exist is shown whole."""
    for name in ("/".join(["x" * 200] * 350), "/".join(["x" * 200] * 20)):
        answer = command("list", "--json", "--archive", tmp_path / name)
        line = answer.stderr
        is_whole = name in line
        assert is_whole == (len(name) < 4096) and line.count("\n") == 1 and len(line) < 6100
        assert is_whole or "characters left out) ..." in line
        assert json.loads(answer.stdout)["error"]["message"] == line.strip().partition(": ")[2]


def test_what_is_shown_before_a_question_goes_to_standard_error(tmp_path: Path) -> None:
    """``purge`` shows what would go before it asks; standard output is for the document."""
    fill(tmp_path)
    words = ("purge", "--json", "--from", "2020-01-01", "--unsubmitted", "--archive", tmp_path / "archive")
    answer = command(*words)
    assert json.loads(answer.stdout)["error"]["kind"] == "UsageError" and "would be purged" in answer.stderr


def test_without_json_standard_output_stays_empty() -> None:
    """``--json`` after ``--`` is a word to search for, and no option."""
    for words in (["lst"], ["search", "--nothing", "--", "--json"]):
        answer = command(*words)
        assert (answer.returncode, answer.stdout) == (2, "")


@pytest.mark.posix("SIGINT of one process")
def test_an_interrupted_verb_says_so(tmp_path: Path) -> None:
    """Ctrl-C is an error of its own kind, with exit code 130."""
    fill(tmp_path)
    words = [sys.executable, "-m", "pywats_archive", "restore", "-", "--json", "--archive", str(tmp_path / "archive")]
    running = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdin and running.stdout
    running.stdin.write(b"\n" * MORE_THAN_A_PIPE_HOLDS)
    running.stdin.flush()  # the verb reads its archive ids, and waits for more
    running.send_signal(signal.SIGINT)
    document = json.loads(running.stdout.read())
    assert (running.wait(), document["error"]["kind"]) == (130, "Interrupted")
