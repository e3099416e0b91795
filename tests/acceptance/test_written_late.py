"""Writes to a source after it was archived: found, archived again, and an alert."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.station import FOLDERS, Station, wait_for

from pywats_archive.portable import open_files

linux = pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux'")


def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody know who writes, as on a share."""
    monkeypatch.setattr(open_files, "has_writer", lambda path, **how: None)


def bytes_of(station: Station) -> list[bytes]:
    """Return the archived bytes of each entry, oldest first."""
    return [gzip.decompress((station.archive_root / e.source_archived_path).read_bytes()) for e in station.entries()]


def alerts(lines: list[Any]) -> list[str]:
    """Return the details of the alert for late writes."""
    return [line["event"] for line in lines if line.get("alert") == "source.written_late"]


def test_what_a_program_writes_on_into_a_file_that_was_moved_is_archived(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that kept the file open writes into Done: they are archived, skipped, and an alert, once (invariant 12)."""
    blind(monkeypatch)
    watch = station.add("late", settle_seconds=0.2, late_seconds=1.0)
    with capture_logs() as lines, station.serving(), (watch / "a.log").open("ab", 0) as stream:
        stream.write(b"half")
        wait_for(lambda: station.names("late/Done") == ["a.log"])
        stream.write(b", and the rest")
        wait_for(lambda: len(station.entries()) == 2)
        wait_for(lambda: alerts(lines) == ["alert.raised"])
    assert bytes_of(station) == [b"half", b"half, and the rest"]
    states = [(a.state.value, a.moved_to, a.path) for a in station.arrivals()]
    lies, path = str(station.root / "late/Done/a.log"), str(watch / "a.log")
    assert states == [("done", lies, path), ("skipped", lies, path)]
    assert station.entries()[1].warnings and len(station.server.received) == 1


@pytest.mark.parametrize("is_restart", [False, True])
def test_a_run_that_ends_looks_at_what_left_and_so_does_the_next(
    station: Station, monkeypatch: pytest.MonkeyPatch, is_restart: bool
) -> None:
    """However soon the service ends, what was written until then is found; after a crash by the next start (invariant 5)."""
    blind(monkeypatch)
    watch = station.add("late", settle_seconds=0.2, late_seconds=600)
    (watch / "a.log").write_bytes(b"half")
    if is_restart:
        station.run()
        (station.root / "late/Done/a.log").open("ab").write(b", more")
        station.run()
    else:
        with station.serving():
            wait_for(lambda: station.names("late/Done") == ["a.log"])
            (station.root / "late/Done/a.log").open("ab").write(b", more")
    station.run()
    assert bytes_of(station) == [b"half", b"half, more"]


def test_what_was_only_touched_or_is_gone_from_done_is_nothing(station: Station) -> None:
    """Another time in Done, or a file that somebody took away from there, is no late writing."""
    watch = station.add("late", settle_seconds=0.2, late_seconds=600)
    (watch / "a.log").write_bytes(b"a")
    (watch / "b.log").write_bytes(b"b")
    with station.serving():
        wait_for(lambda: station.names("late/Done") == ["a.log", "b.log"])
        (station.root / "late/Done/a.log").touch()
        (station.root / "late/Done/b.log").unlink()
    assert len(station.entries()) == 2


@linux
@pytest.mark.parametrize("post_action", ["delete", "archive", "zip"])
def test_what_is_opened_for_writing_again_is_not_removed_before_it_is_closed(
    station: Station, post_action: str
) -> None:
    """What is written after archiving is archived and converted as another source, also where nothing stays (invariant 2)."""
    watch = station.add("late", settle_seconds=0.2, post_action=post_action)
    station.server.stop()
    opens = f"import sys; f = open({str(watch / 'a.log')!r}, 'ab', 0); print('open', flush=True)"
    code = f"{opens}; sys.stdin.readline(); f.write(b' more')"
    with station.serving():
        (watch / "a.log").write_bytes(b"half")
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["waiting for the server"])
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            assert program.stdout and program.stdin
            program.stdout.readline()
            with capture_logs() as lines:
                station.server.start()
                wait_for(lambda: station.server.received)
                wait_for(lambda: [line for line in lines if line["event"] == "source.open"])
            program.stdin.write(b"\n")
            program.stdin.close()
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["done", "done"])
    assert bytes_of(station) == [b"half", b"half more"] and not (watch / "a.log").exists()


@pytest.mark.parametrize("post_action", ["move", "delete", "zip", "archive"])
def test_a_file_that_comes_into_a_folder_while_it_waits_is_archived_and_told(
    station: Station, post_action: str
) -> None:
    """A folder leaves with all that is in it in the archive, and an alert for what no converter saw (invariant 2)."""
    station.code(FOLDERS)
    watch = station.add("f", "own.Folders", converter_type="folder", settle_seconds=0.2, post_action=post_action)
    unit = watch / "unit"
    station.server.stop()
    with capture_logs() as lines, station.serving():
        unit.mkdir()
        (unit / "a.txt").write_text("1")
        (unit / "COMPLETE.marker").touch()
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["waiting for the server"])
        (unit / "late.txt").write_text("2")
        station.server.start()
        wait_for(lambda: not unit.exists())
        wait_for(lambda: alerts(lines) == ["alert.raised"])
    assert members(station, 1) == ["COMPLETE.marker", "a.txt", "late.txt"]
    assert sorted(a.state.value for a in station.arrivals()) == ["done", "skipped"]
    (done,) = (a for a in station.arrivals() if a.state.value == "done")
    assert "late.txt came or changed" in (done.reason or "")


def test_a_folder_that_loses_its_marker_or_that_its_converter_writes_to_is_no_alert(station: Station) -> None:
    """What the converter does to its folder is archived and is nobody's trouble; a marker that goes is nothing at all."""
    station.code(
        FOLDERS + "class Writes(Folders):\n"
        "    def convert(self, source, context):\n"
        "        (source.folder_path / 'COMPLETE.marker').unlink()\n"
        "        if source.folder_path.name == 'writes':\n"
        "            (source.folder_path / 'log.out').write_text('converted')\n"
        "        return super().convert(source, context)\n"
    )
    watch = station.add("f", "own.Writes", converter_type="folder", settle_seconds=0.2)
    for name in ("writes", "unmarks"):
        (watch / name).mkdir()
        (watch / name / "a.txt").write_text("1")
        (watch / name / "COMPLETE.marker").touch()
    with capture_logs() as lines:
        station.run()
    assert not alerts(lines) and station.names("f/Done") == ["unmarks", "writes"]
    late = [e for e in station.entries() if e.conversion_status.value == "SKIPPED"]
    assert [Path(e.source_original_path).name for e in late] == ["writes"]


def members(station: Station, number: int) -> list[str]:
    """Name the files in an archived folder."""
    with tarfile.open(station.archive_root / station.entries()[number].source_archived_path) as tar:
        return sorted(member.name for member in tar if member.isreg())
