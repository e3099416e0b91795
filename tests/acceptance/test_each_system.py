"""A station on every operating system, in few runs: starts are slow under Wine. The other files go into detail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.test_still_written import writing
from tests.command import command
from tests.station import FOLDERS, Station, wait_for

from pywats_archive.archive.restore.source import restore_source

ACTIONS = ("move", "delete", "zip", "keep", "archive")
NAMES = ("plain.log", "read-only.log", "L" * 251 + ".log", "ünï 試験 €.log")

STOPS_ONCE = """
import sys, time
from pathlib import Path
from typing import Any
from pywats_archive.cli.main import main

def stop(event, arguments):
    if event in ("os.link", "os.rename") and {part!r} in Path(str(arguments[1])).parts:
        Path({reached!r}).touch()
        time.sleep(600)

sys.addaudithook(stop)
main()
"""
CONVERTS_ONCE = """
class Once(Any):
    def outcome(self, source, context):
        reached = source.path.parent.parent / "reached"
        if not reached.exists():
            reached.touch()
            time.sleep(600)
        return super().outcome(source, context)
"""


def test_sources_leave_by_each_post_action_whatever_their_names_and_attributes(station: Station) -> None:
    """Read-only, long and foreign names: each source ends where its action says, and comes back whole (invariants 2, 3)."""
    for action in ACTIONS:
        watch = station.add(f"by-{action}", post_action=action)
        for name in NAMES:
            (watch / name).write_bytes(f"by-{action} {name}".encode())
        (watch / "read-only.log").chmod(0o444)
    assert station.run().waiting == ()
    for action in ACTIONS:
        assert station.names(f"by-{action}/watch") == (sorted(NAMES) if action == "keep" else [])
    assert station.names("by-move/Done") == sorted(NAMES)
    assert len(station.names("by-zip/Done")) == len(NAMES) and "read-only.log.zip" in station.names("by-zip/Done")
    assert station.names("by-delete/Done") == station.names("by-archive/Done") == []
    with station.archive() as archive:
        for entry in station.entries():
            back = restore_source(archive, entry.archive_id, station.root / "back" / entry.converter_name)
            assert back.name in NAMES and back.read_bytes() == f"{entry.converter_name} {back.name}".encode()
    assert len(station.entries()) == len(station.server.received) == len(ACTIONS) * len(NAMES)


def test_a_source_that_its_writer_has_open_waits(station: Station) -> None:
    """A run leaves a file that is being written and names it; the next run takes the file (invariant 1)."""
    watch = station.add("slow")
    with writing(watch / "a.log", b"first half,"):
        left = station.run()
        assert [line for line in left.waiting if "a.log is still open for writing" in line]
        assert station.entries() == ()
    with (watch / "a.log").open("ab") as stream:
        stream.write(b"second half")
    assert station.run().waiting == ()
    assert station.entry().source_size_bytes == 22 and station.names("slow/Done") == ["a.log"]


def test_a_folder_with_companions_is_one_source(station: Station) -> None:
    """A folder and the file beside it are archived together, and both come back."""
    station.code(FOLDERS)
    watch = station.add("f", "own.Folders", converter_type="folder", archive_companions=["{stem}.notes"])
    (watch / "unit" / "deep").mkdir(parents=True)
    (watch / "unit" / "data.txt").write_bytes(b"1")
    (watch / "unit" / "deep" / "more.bin").write_bytes(b"2")
    (watch / "unit" / "data.txt").chmod(0o444)
    (watch / "unit.notes").write_bytes(b"3")
    (watch / "unit" / "COMPLETE.marker").touch()
    assert station.run().waiting == ()
    assert station.names("f/Done") == ["unit"] and station.names("f/watch") == ["unit.notes"]
    assert [(each.name, each.found_by) for each in station.entry().companions] == [("unit.notes", "rule")]
    with station.archive() as archive:
        back = restore_source(archive, station.entry().archive_id, station.root / "back")
    assert (back / "data.txt").read_bytes() + (back / "deep" / "more.bin").read_bytes() == b"12"
    assert (back.parent / "unit.notes").read_bytes() == b"3"


def test_a_station_from_its_first_file_to_its_last(station: Station) -> None:
    """Verify, replay, purge, rebuild and doctor work on what a run has archived; what was purged is gone, the rest is sound."""
    watch = station.add("any")
    for number in range(3):
        (watch / f"SN{number}.log").write_bytes(b"measured %d" % number)
    station.run()
    first, *others = station.entries()
    blob = station.archive_root / first.source_archived_path
    here, config = ("--archive", station.archive_root), station.root / "config.json"
    verified = answered("verify", *here)
    assert (verified["checked"], verified["problems"]) == (7, [])
    replay = answered("reprocess", "start", first.archive_id, "--submit", "--yes", "--config", config)
    assert replay["processed"] == 1
    assert station.run().waiting == ()
    assert answered("purge", first.archive_id, "--yes", *here)["bytes_freed"] and not blob.exists()
    assert answered("rebuild", "--yes", *here)["problems"] == []
    assert {each.archive_id for each in station.entries()} >= {each.archive_id for each in others}
    assert answered("verify", *here)["problems"] == []
    folders = answered("doctor", "--config", config, code=None)["folders"]
    assert [folder["path"] for folder in folders if folder["level"] == "broken"] == []


def answered(*words: str | Path, code: int | None = 0) -> dict[str, Any]:
    """Run a verb and return its JSON document."""
    answer = command(*words, "--json")
    assert code is None or answer.returncode == code, answer.stderr
    document: dict[str, Any] = json.loads(answer.stdout)
    return document


@contextmanager
def service(program: tuple[str, ...], config: Path) -> Iterator[None]:
    """Run the service in a process of its own, and kill it in the end."""
    words = ("run", "--config", str(config), "--processes", "1")
    with subprocess.Popen(
        [sys.executable, *program, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.kill()


@pytest.mark.parametrize("phase", ["archiving", "converting", "waiting", "leaving"])
def test_killed_in_the_middle_of_a_phase_a_source_ends_once(station: Station, phase: str) -> None:
    """The next start ends what the killed one began: one entry, one report id, one file in Done (invariant 5)."""
    station.code(CONVERTS_ONCE)
    watch = station.add("any", "own.Once" if phase == "converting" else "own.Any")
    (watch / "a.log").write_bytes(b"measured")
    reached = watch.parent / "reached"
    program: tuple[str, ...] = ("-m", "pywats_archive")
    if phase in ("archiving", "leaving"):
        part = "sources" if phase == "archiving" else "Done"
        program = ("-c", STOPS_ONCE.format(part=part, reached=os.fspath(reached)))
    if phase == "waiting":
        station.server.stop()
    with service(program, station.write_config()):
        wait_for(reached.exists if phase != "waiting" else lambda: any(each.report_count for each in station.entries()))
    station.server.start()
    assert station.run().waiting == ()
    assert station.names("any/Done") == ["a.log"] and station.names("any/watch") == []
    with station.archive() as archive:
        (report,) = archive.reports_of(station.entry().archive_id)
        ((report_id, bodies),) = station.server.received.items()
        assert report_id == report.report_id and set(bodies) == {archive.document(report)}
        assert (
            len(bodies) == 1 or phase == "leaving"
        )  # its acceptance is recorded with the end: sent again after a crash
        assert restore_source(archive, report.archive_id, station.root / "back").read_bytes() == b"measured"
