"""A verb that asks, at a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import command
from tests.station import Station

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path) as made:
        (made.add("ict") / "SN1.log").write_text("x")
        made.run()
        yield made


@pytest.mark.parametrize("verb", ["reprocess start --all", "purge SN1", "rebuild"])
def test_a_no_is_an_answer_after_which_nothing_is_done(station: Station, verb: str) -> None:
    """It is no interruption: one line says that nothing was done, and the exit code is 1."""
    before = [event.sequence for event in station.details().events]
    place = station.archive_root if verb == "rebuild" else station.write_config()
    code, written = _answered("n\n", *verb.split(), "--archive" if verb == "rebuild" else "--config", str(place))
    assert code == 1 and written.endswith("pywats-archive: not confirmed; nothing was done\n"), (code, written)
    assert [event.sequence for event in station.details().events] == before


def _answered(answer: str, *words: str) -> tuple[int, str]:
    """Run the command at a terminal where a person types this answer; returns its exit code and its errors."""
    import pty  # noqa: PLC0415 (POSIX alone)

    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode())
        done = command(*words, stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stderr or done.stdout
