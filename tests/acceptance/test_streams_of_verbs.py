"""Every verb with a standard output that lacks characters, or that nobody reads: its exit code, and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.command import command
from tests.station import Station
from tests.verbs import CALLS, WITHOUT_DOCUMENT, VerbStation

EACH = ["run", *WITHOUT_DOCUMENT, *(name for name in CALLS if name != "run")]
FINDING = {
    "run",
    "status",
    "doctor",
    "export",
    "import --preview",
    "import",
    "import BAG",
    "verify",
    "verify --reproduce",
    "reprocess start",
    "reprocess resume",
    "reprocess show",
    "erase",
}
"""Calls that may exit with 1: they find something, or entries fail again."""
PRINTING = [
    "run",
    *WITHOUT_DOCUMENT,
    "status",
    "doctor",
    "list",
    "search",
    "show",
    "stats",
    "policy list",
    "hold list",
    "events",
]
"""Calls in the other encoding: its characters are escaped by the same code, whichever verb prints them."""


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("encoding", "names"), [("ascii", EACH), ("cp1252", PRINTING)], ids=["ascii", "cp1252"])
def test_what_an_encoding_lacks_is_escaped(tmp_path: Path, encoding: str, names: list[str]) -> None:
    """Each verb answers with the exit code that it has anyway, in the characters that there are."""
    with Station(tmp_path / "station") as station:
        verbs = VerbStation(station)
        for name in names:
            answer = command(*verbs.words(name), encoding=encoding)
            assert answer.returncode in ((0, 1) if name in FINDING else (0,)), (name, answer.stderr)
            assert answer.stdout and "Traceback" not in answer.stderr, name


@pytest.mark.posix("a pipe without a reader")
@pytest.mark.timeout(1800)
def test_nobody_reads_the_answer(tmp_path: Path) -> None:
    """Each verb does its work and ends without a word about the pipe, as one whose reader has seen enough."""
    with Station(tmp_path / "station") as station:
        verbs = VerbStation(station)
        for name in EACH:
            answer = command(*verbs.words(name), closed=True)
            assert answer.returncode in (0, 1), (name, answer.stderr)
            assert not any(word in answer.stderr for word in ("Traceback", "unexpected", "ipe")), (name, answer.stderr)
