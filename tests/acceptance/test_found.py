"""Verbs in a station's folder, or with a variable in the environment, need no option to find the station."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path

import pytest
from tests.command import command
from tests.station import Station


@pytest.fixture
def filled(station: Station, monkeypatch: pytest.MonkeyPatch) -> Station:
    """A station with one entry; the environment names nothing."""
    for name in ("PYWATS_ARCHIVE_CONFIG", "PYWATS_ARCHIVE"):
        monkeypatch.delenv(name, raising=False)
    (station.add("ict") / "SN77.log").write_bytes(b"content")
    station.run()
    return station


@pytest.mark.parametrize("named_by", ["the current folder", "PYWATS_ARCHIVE_CONFIG", "PYWATS_ARCHIVE"])
def test_a_verb_finds_its_station(
    filled: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_by: str
) -> None:
    """Verbs that read and verbs that write work on the same station."""
    named = {"PYWATS_ARCHIVE_CONFIG": filled.root / "config.json", "PYWATS_ARCHIVE": filled.archive_root}
    monkeypatch.chdir(filled.root if named_by == "the current folder" else tmp_path)
    if named_by in named:
        monkeypatch.setenv(named_by, str(named[named_by]))
    listed = json.loads(command("list", "--json").stdout)
    assert [entry["serial_number"] for entry in listed["entries"]] == ["SN77"]
    held = command("hold", "add", "SN77", "--reason", "kept")
    assert held.returncode == 0, held.stderr
    assert command("doctor", "--json").stdout


def test_a_variable_that_names_nothing_is_one_line(
    filled: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no reason to look for another station."""
    monkeypatch.chdir(filled.root)
    monkeypatch.setenv("PYWATS_ARCHIVE_CONFIG", str(tmp_path / "none.json"))
    for verb in ("list", "run", "doctor"):
        answer = command(verb)
        assert (answer.returncode, answer.stdout) == (2, ""), verb
        (line,) = answer.stderr.splitlines()
        assert line.startswith("pywats-archive: PYWATS_ARCHIVE_CONFIG=") and "correct the variable" in line


def test_a_replay_works_on_the_archive_that_the_variable_names(
    filled: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never on that of another station, whose configuration happens to be found."""
    monkeypatch.chdir(filled.root)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "archive.json").write_text("{}", encoding="utf-8")
    words = ("reprocess", "start", "--all", "--dry-run")
    monkeypatch.setenv("PYWATS_ARCHIVE", str(filled.archive_root))
    assert command(*words).returncode == 0
    monkeypatch.setenv("PYWATS_ARCHIVE", str(tmp_path / "other"))
    answer = command(*words)
    assert answer.returncode == 2 and "no archive of the configuration" in answer.stderr
    assert command(*words, "--config", "config.json").returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux'")
def test_a_unit_has_the_whole_path_of_a_configuration_in_the_environment(
    filled: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service starts in another folder and without the variable."""
    monkeypatch.chdir(filled.root)
    monkeypatch.setenv("PYWATS_ARCHIVE_CONFIG", "config.json")
    done = command("service", "install", "--print", "--account", getpass.getuser())
    assert f"run --config {filled.root / 'config.json'}" in done.stdout, done.stderr
