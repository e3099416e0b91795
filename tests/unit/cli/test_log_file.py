"""The log file of a service: it does not grow without end, and no line is lost when it begins anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.cli.log_file import log_file, require_writable
from pywats_archive.portable import names


def test_a_log_file_begins_anew_and_keeps_its_predecessors(tmp_path: Path) -> None:
    """Lines are whole in every file, and the oldest files go."""
    write = log_file(tmp_path / "logs" / "service.log", most_bytes=100, files=3)
    for number in range(20):
        write(f"line {number:02} {'ü' * 10}\n")
    files = sorted((tmp_path / "logs").iterdir())
    assert [path.name for path in files] == ["service.log", "service.log.1", "service.log.2"]
    assert all(path.stat().st_size <= 110 for path in files), "a line and its end are counted in characters"
    lines = [line for path in reversed(files) for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines == [f"line {number:02} {'ü' * 10}" for number in range(20 - len(lines), 20)]


def test_a_log_file_that_somebody_reads_grows_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows does not rename a file that is open elsewhere; no line is lost then."""

    replace = names.replace

    def refuse(source: str, target: str, **more: Any) -> None:
        if source.endswith("service.log"):
            raise PermissionError(13, "The process cannot access the file")
        replace(source, target, **more)

    monkeypatch.setattr(names, "replace", refuse)
    (tmp_path / "service.log.1").write_text("earlier")
    write = log_file(tmp_path / "service.log", most_bytes=100)
    for number in range(20):
        write(f"line {number:02}\n")
    assert (tmp_path / "service.log").read_text().splitlines() == [f"line {number:02}" for number in range(20)]
    assert (tmp_path / "service.log.1").read_text() == "earlier"


@pytest.mark.posix("Windows has no such files")
def test_a_pipe_is_no_log_file(tmp_path: Path) -> None:
    """It would block the service until somebody reads it."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        require_writable(tmp_path / "pipe")


def test_a_line_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Whoever writes counts it as lost, and names the count later."""
    write = log_file(tmp_path / "logs" / "service.log")
    (tmp_path / "logs").rmdir()
    with pytest.raises(OSError, match="service"):
        write("line\n")
