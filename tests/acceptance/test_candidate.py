"""A fix is tried before it goes live: archived entries through a converter that is not installed; and samples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.command import command
from tests.station import CONVERTER, Station

from pywats_archive.archive.results import runs
from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.replay import ReplayRequest, ReprocessingResult

LIVE = """
class Live(Any):
    version = property(lambda self: "1.0")
    def outcome(self, source, context):
        found = report(source.path.stem, limit=5.5, note=context.arguments.get("greeting"))
        return ConverterResult.success_result(report={k: v for k, v in found.items() if v is not None})
"""
FIXED = LIVE.replace("Live", "Fixed").replace("1.0", "1.1").replace("5.5", "5.0")
FAULTS = {
    "missing": (None, "No such file or directory"),
    "syntax": ("def x(:\n", "SyntaxError"),
    "no class": ("x = 1\n", "has no class that is derived from one of pyWATS' converter classes"),
    "two classes": (CONVERTER + FIXED, "has 2 converter classes (Any, Fixed); name one of them"),
    "raises": ("raise RuntimeError('boom')\n", "RuntimeError: boom"),
    "exits": ("import os\nos._exit(3)\n", "exit code 3"),
    "hangs": ("import time\ntime.sleep(1000)\n", "ran longer than 2 s and was ended"),
}


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path) as made:
        made.code(LIVE)
        watch = made.add("ict", "own.Live", arguments={"greeting": "today's"})
        for number in range(6):
            (watch / f"SN{number}.log").write_text("x" * (number + 1))
        made.run()
        yield made


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    """A fixed converter's file in a folder of its own, with a module beside it."""
    folder = tmp_path / "tried"
    folder.mkdir()
    (folder / "beside.py").write_text("LIMIT = 5.0\n")
    (folder / "candidate.py").write_text("import beside\n" + CONVERTER + FIXED.replace("5.0", "beside.LIMIT"))
    return folder / "candidate.py"


def tried(station: Station, converter_file: Path | str, **request: Any) -> ReprocessingResult:
    with Client.from_config(station.write_config()) as client:
        ids = [entry.archive_id for entry in station.entries()]
        asked = ReplayRequest(**{"dry_run": True, "converter_file": str(converter_file), **request})
        return client.reprocessing(actor="engineer").start(ids, asked, processes=1)


def test_a_converter_that_is_not_installed_is_tried(station: Station, candidate: Path) -> None:
    """Its class, with the modules beside it and the station's arguments; only its fingerprint is recorded."""
    before = [entry.conversion_timestamp for entry in station.entries()]
    done = tried(station, f"{candidate}:Fixed")
    assert [(each.path, each.old, each.new, each.entries) for each in done.changes] == [("/limit", 5.5, 5.0, 6)]
    (code,) = done.code
    assert (code.old_version, code.new_version, done.request["converter_file"]) == ("1.0", "1.1", f"{candidate}:Fixed")
    assert code.new_fingerprint.startswith("sha256:") and code.new_fingerprint != code.old_fingerprint
    assert [entry.conversion_timestamp for entry in station.entries()] == before
    assert len(list((station.archive_root / "converters").iterdir())) == 1
    assert not (candidate.parent / "__pycache__").exists()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_cannot_be_tried_is_one_clear_line(station: Station, tmp_path: Path, fault: str) -> None:
    """Whatever is wrong with the file, one line says it, and no run is on record."""
    code, message = FAULTS[fault]
    path = tmp_path / "candidate.py"
    if code is not None:
        path.write_text(code)
    if fault == "hangs":
        station.sections[0]["timeout_seconds"] = 2
    here = ("--config", station.write_config())
    answer = command("reprocess", "start", "--all", "--dry-run", "--converter-file", path, *here)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert len(answer.stderr.splitlines()) == 1 and message in answer.stderr and str(path) in answer.stderr
    with station.archive() as archive:
        assert runs.latest(archive) == ()


def test_a_candidate_stands_for_one_converter_in_a_dry_run(station: Station, candidate: Path) -> None:
    """It records nothing and takes today's arguments, so it is refused where it would do more, or for several converters."""
    for request, message in (
        ({"dry_run": False}, "only with --dry-run"),
        ({"use_current_converter": False}, "--original-converter"),
        ({"use_current_parameters": False}, "--original-parameters"),
    ):
        with pytest.raises(UsageError, match=message):
            tried(station, f"{candidate}:Fixed", **request)
    (station.add("fct", "own.Live") / "other.log").write_text("other")
    station.run()
    with pytest.raises(UsageError, match=r"2 converters \(fct, ict\)"):
        tried(station, f"{candidate}:Fixed")
    for name in ("candidate.txt", "candidate.py:", "candidate.py:a b"):
        with pytest.raises(UsageError, match=r"use candidate\.py or candidate\.py:Class"):
            tried(station, name)


def test_a_sample_is_spread_over_what_matches(station: Station) -> None:
    """Evenly, or at random as a seed decides; the run says which."""
    here = ("--config", station.write_config())
    every = [entry.archive_id for entry in reversed(station.entries())]
    start = ("reprocess", "start", "--converter", "ict", "--dry-run", "--json", *here)
    first = json.loads(command(*start, "--sample", "3").stdout)
    assert (first["total_archives"], first["request"]["selection"]["sample_of"]) == (3, 6)
    assert _ids(station, 1) == [every[1], every[3], every[5]]
    for _ in range(2):
        drawn = json.loads(command(*start, "--sample", "2", "--seed", "7").stdout)
        assert drawn["request"]["selection"]["sample_seed"] == "7"
    assert _ids(station, 2) == _ids(station, 3) and len(_ids(station, 2)) == 2
    assert json.loads(command(*start, "--sample", "99").stdout)["total_archives"] == 6
    assert "--seed: only with --sample" in command(*start, "--seed", "7").stderr


def test_a_replay_names_its_entries_in_one_way(station: Station) -> None:
    """No filter is not all of them; wrong mixes are refused with one line, and record nothing."""
    here = ("--dry-run", "--config", station.write_config())
    one = station.entries()[0].archive_id
    for words, message in (
        ((), "or --all"),
        (("--sample", "2"), "or --all"),
        (("--all", "--converter", "ict"), "use filters or --all"),
        ((one, "--all"), "use ids or --all"),
        (("--entries-of", "1", one), "use ids or --entries-of"),
        (("--all", "--submit"), "a dry run sends nothing"),
        (("--all", "--allow-version", "1"), "only with --original-converter"),
        (("--all", "--allow-verdict-change", "why"), "only with --submit"),
        (("--all", "--allow-unit-change", " "), "add a reason"),
    ):
        answer = command("reprocess", "start", *words, *here)
        assert answer.returncode == 2 and message in answer.stderr and len(answer.stderr.splitlines()) == 1, words
    with station.archive() as archive:
        assert runs.latest(archive) == ()
    assert command("reprocess", "start", "--all", *here).returncode == 0
    assert command("reprocess", "start", "--entries-of", "1", *here).returncode == 0
    assert sorted(_ids(station, 1)) == sorted(_ids(station, 2)) == sorted(each.archive_id for each in station.entries())


def _ids(station: Station, run_id: int) -> list[str]:
    with Client([station.archive_root]) as client:
        return [item.archive_id for item in client.changes(run_id, unchanged=True)]


def test_a_run_that_was_stopped_needs_its_candidate_again(station: Station, tmp_path: Path) -> None:
    """Resumed without the file, the run stays as it is; with the file it goes on; ``show`` names the command."""
    path = tmp_path / "candidate.py"
    path.write_text(CONVERTER + FIXED.replace("found = ", "raise ValueError('bad line')\n        found = "))
    done = tried(station, f"{path}:Fixed", stop_at_failure=True)
    assert done.planned
    shown = command("reprocess", "show", "1", "--archive", station.archive_root).stdout
    assert f"not finished, {done.planned} of 6 entries are left" in shown and "reprocess resume 1" in shown
    here = ("--config", station.write_config(), "--processes", "1")
    path.rename(tmp_path / "away.py")
    refused = command("reprocess", "resume", "1", *here)
    assert refused.returncode == 2 and "No such file or directory" in refused.stderr
    path.write_text(CONVERTER + FIXED)
    assert _left(station) == done.planned
    assert command("reprocess", "resume", "1", *here).returncode == 1  # those that failed before
    assert _left(station) == 0


def _left(station: Station) -> int:
    with Client([station.archive_root]) as client:
        return client.run(1).planned
