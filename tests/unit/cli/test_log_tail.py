"""The end of a log file, and what is added to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pywats_archive.cli.log_file import log_file
from pywats_archive.cli.log_tail import LogTail


def test_nothing_is_lost_when_the_service_begins_a_new_file(tmp_path: Path) -> None:
    """What was added to the former file before that comes first; a file that was emptied is read from its beginning."""
    path = tmp_path / "x.log"
    write = log_file(path, most_bytes=40, files=3)
    for number in range(3):
        write(f"line {number} µ\n")
    tail = LogTail(path)
    assert tail.last(2) == "line 1 µ\nline 2 µ\n"
    assert tail.added() == ""
    write("line 3\n")
    assert tail.added() == "line 3\n"
    write("line 4\n")
    for number in range(5, 9):
        write(f"line {number}\n")
    assert (tmp_path / "x.log.1").exists()
    assert tail.added() == "".join(f"line {number}\n" for number in range(4, 9))
    path.write_text("")
    path.write_text("anew\n")
    assert tail.added() == "anew\n"


def test_between_two_files_nothing_is_added(tmp_path: Path) -> None:
    """The service has renamed its file, and has not created the next one yet."""
    path = tmp_path / "x.log"
    path.write_text("line\n")
    tail = LogTail(path)
    assert tail.last(1) == "line\n"
    path.rename(tmp_path / "x.log.1")
    assert tail.added() == ""
    path.write_text("next\n")
    assert tail.added() == "next\n"


def test_a_log_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """The command prints it."""
    with pytest.raises(FileNotFoundError):
        LogTail(tmp_path / "x.log").last(10)
