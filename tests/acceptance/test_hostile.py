"""What people and scripts type: whatever it is, every verb gives an answer or one line that says what is wrong with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.station import PATIENCE_S, Station

NUMBERS = ("-1", "1e400", "inf", "nan", "9223372036854775808", "1" + "0" * 400, "1" + "0" * 5000, "0.5", "٣", "")
DAYS = (
    "0001-01-01",
    "9999-12-31",
    "0001-01-01T00:00+23:59",
    "9999-12-31T23:59-23:59",
    "1969-12-31",
    "0000-00-00",
    "10000-01-01",
)
TEXTS = (
    "",
    "\x00",
    "\udc80",
    "%",
    "*",
    "a" * 70_000,
    "../../etc/passwd",
    "[/]",
    "{",
    '"',
    "NEAR(",
    "00000000000000000_000000",
)
PARTS = ("101%", "-1%", "nan%", "1e400%", "%", "9" * 5000 + "%")
RUN = """
import contextlib, io, json, sys
from pywats_archive.cli.main import main
for words in json.load(sys.stdin):
    sys.argv = ["pywats-archive", *words]
    told, answer = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(answer), contextlib.redirect_stderr(told):
        try:
            main()
        except SystemExit as exc:
            code = exc.code
    print(json.dumps([code, told.getvalue(), len(answer.getvalue())]), file=sys.__stdout__)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station with an entry in its archive."""
    with Station(tmp_path_factory.mktemp("hostile") / "station") as station:
        (station.add("good") / "a.log").write_bytes(b"x")
        station.run()
        yield station


def _typed(station: Station) -> Iterator[list[str]]:
    here = ["--archive", str(station.archive_root)]
    named, config = station.entry().archive_id, ["--config", str(station.root / "config.json")]
    for day in DAYS:
        for option in ("--from", "--to"):
            yield from (["list", *here, option, day], ["purge", "--preview", *here, option, day])
            yield ["reprocess", "start", "--dry-run", *config, option, day, "--converter", "nobody"]
    for number in NUMBERS:
        yield from (["list", *here, "--limit", number], ["list", *here, "--offset", number])
        yield from (["policy", "set", "good", *here, f"--max-size-gb={number}"], ["stats", *here, f"--by-day={number}"])
        yield ["policy", "set", "good", *here, f"--retention-days={number}"]
        yield ["policy", "set", "good", *here, f"--min-entries={number}"]
        yield from (
            ["plan", f"--files-per-day={number}", "--size", "1KB"],
            ["plan", "--files-per-day=1", f"--size={number}"],
        )
        for of_run in ("show", "diff", "cancel", "resume", "rollback"):
            yield ["reprocess", of_run, *(["--yes"] if of_run == "rollback" else []), *config, "--", number]
    for text in TEXTS:
        for verb in (["status"], ["show"], ["search"], ["hold", "release"], ["policy", "show"], ["purge", "--preview"]):
            yield [*verb, *here, "--", text]
        for option in ("--converter", "--serial", "--part", "--status", "--submission"):
            yield ["list", *here, f"{option}={text}"]
        yield ["hold", "add", named, *here, f"--reason={text}"]
        yield ["list", "--archive", text]
    for part in PARTS:
        yield from (["verify", *here, f"--sample={part}"], ["verify", *config, f"--reproduce={part}"])


def test_nothing_that_is_typed_ends_in_a_traceback(place: Station, tmp_path: Path) -> None:
    """Exit 0, 1 or 2, with one line on standard error at most, and never an error that nobody foresaw."""
    typed = list(_typed(place))
    answer = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(typed).encode(),
        capture_output=True,
        cwd=tmp_path,
        timeout=PATIENCE_S,
        check=False,
    )
    told = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(told) == len(typed), answer.stderr.decode()
    for words, (code, line, length) in zip(typed, told, strict=True):
        assert code in (0, 1, 2) and line.count("\n") <= 1, (words, code, line)
        assert "unexpected" not in line and "Traceback" not in line, (words, line)
        assert length or line, words


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Midway"])
def test_the_first_and_the_last_day_are_days_in_every_time_zone(place: Station, day: str, zone: str) -> None:
    """A range that begins with the first day of the calendar, or ends with its last, holds everything."""
    option = "--from" if day.startswith("0") else "--to"
    words = [
        sys.executable,
        "-m",
        "pywats_archive",
        "list",
        "--json",
        "--archive",
        str(place.archive_root),
        option,
        day,
    ]
    answer = subprocess.run(words, capture_output=True, env={**os.environ, "TZ": zone}, timeout=PATIENCE_S, check=False)
    assert json.loads(answer.stdout)["total"] == 1, answer.stderr
