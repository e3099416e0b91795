"""Sources that a program still writes, or has not begun to: nobody converts half of one, or none of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.station import FOLDERS, Station, wait_for

linux = pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux'")
SLOW: dict[str, Any] = {"settle_seconds": 0.2, "empty_seconds": 600}


@linux
@pytest.mark.parametrize("keys", [{}, {"post_action": "archive"}, {"archive_enabled": False}], ids=str)
def test_a_file_that_is_open_for_writing_is_taken_once_it_is_closed(station: Station, keys: dict[str, Any]) -> None:
    """However long a program pauses, its file is archived and converted whole, once (invariants 1, 2)."""
    watch = station.add("slow", **{**SLOW, **keys})
    with station.serving():
        with writing(watch / "a.log", b"first half,"):
            (watch / "b.log").write_bytes(b"x")
            wait_for(lambda: station.server.received)
            wait_for(lambda: not (watch / "b.log").exists())
            assert (watch / "a.log").exists() and len(station.server.received) == 1
            (watch / "a.log").open("ab").write(b"second half")
        wait_for(lambda: not (watch / "a.log").exists())
    assert len(station.server.received) == 2
    if keys.get("archive_enabled") is not False:
        assert [e.source_size_bytes for e in station.entries() if e.source_original_path.endswith("a.log")] == [22]


@linux
def test_a_run_says_what_a_program_has_open(station: Station) -> None:
    """A run that cannot take a file, because it is being written, ends and names it."""
    watch = station.add("slow", **SLOW)
    with writing(watch / "a.log", b"half"):
        left = station.run()
    assert [line for line in left.waiting if "a.log is still open for writing" in line]
    assert [arrival.state.value for arrival in station.arrivals()] == ["seen"]


@linux
@pytest.mark.parametrize("which", ["unit/data.txt", "unit.notes"])
def test_members_and_companions_are_waited_for(station: Station, which: str) -> None:
    """A folder waits for each of its files, and for its companions (invariant 1)."""
    station.code(FOLDERS)
    watch = station.add("f", "own.Folders", converter_type="folder", archive_companions=["{stem}.notes"], **SLOW)
    (watch / "unit").mkdir()
    (watch / "unit/data.txt").write_bytes(b"1")
    (watch / "unit/COMPLETE.marker").touch()
    with station.serving():
        with writing(watch / which, b"2"):
            wait_for(lambda: list((watch / "unit").iterdir()))
            station_is_waiting(station)
        wait_for(lambda: station.names("f/Done") == ["unit"])
    assert len(station.server.received) == 1


def station_is_waiting(station: Station) -> None:
    """Wait until the only source is seen, and make sure that it is not taken."""
    wait_for(lambda: [a.state.value for a in station.arrivals()] == ["seen"])
    with pytest.raises(AssertionError):
        wait_for(station.entries, timeout_s=1.5)


@pytest.mark.parametrize("keys", [{}, {"post_action": "delete"}, {"archive_enabled": False}], ids=str)
def test_a_source_without_bytes_waits_and_is_then_skipped_loudly(station: Station, keys: dict[str, Any]) -> None:
    """It is never a success, nobody removes it, and what is written to it later is converted (invariant 12)."""
    watch = station.add("empty", **{**SLOW, "empty_seconds": 1.0, **keys})
    (watch / "a.log").touch()
    with capture_logs() as lines, station.serving():
        wait_for(lambda: alerts(lines) == ["alert.raised"])
        assert station.names("empty/watch") == ["a.log"] and not station.server.received
        (watch / "a.log").write_bytes(b"x")
        wait_for(lambda: not (watch / "a.log").exists())
        wait_for(lambda: alerts(lines) == ["alert.raised", "alert.cleared"])
    assert len(station.server.received) == 1
    if keys.get("archive_enabled") is not False:
        states = [(a.state.value, a.size_bytes) for a in station.arrivals()]
        assert states == [("skipped", 0), ("done", 1)]
        assert station.entries()[0].warnings == ("the source is empty",)


def alerts(lines: list[Any]) -> list[str]:
    """Return the details of the alert for empty sources."""
    return [line["event"] for line in lines if line.get("alert") == "source.empty"]


def test_a_source_without_bytes_is_not_taken_before_its_time(station: Station) -> None:
    """Most files are empty for a moment before they are written."""
    watch = station.add("empty", **SLOW)
    (watch / "a.log").touch()
    with station.serving():
        station_is_waiting(station)


def test_a_run_skips_what_has_no_bytes_at_once(station: Station) -> None:
    """A run does not wait for what may never be written; it says how the source ended."""
    watch = station.add("empty", **SLOW)
    (watch / "a.log").touch()
    left = station.run()
    assert left.ended == {"skipped": 1} and not left.waiting


@contextmanager
def writing(path: Path, begun: bytes) -> Iterator[None]:
    """Have another program write a file and keep it open."""
    code = (
        f"import sys; f = open({str(path)!r}, 'ab', 0); f.write({begun!r}); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout and program.stdin
        program.stdout.readline()
        try:
            yield
        finally:
            program.stdin.close()
