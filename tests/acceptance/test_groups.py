"""Files that wait are archived in groups before their conversions; each of them ends as if it had come alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.captured import capture_logs
from tests.station import PATIENCE_S, Station, block_today, wait_for

from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import batch
from pywats_archive.archive.sources.draft import Draft, NewSource
from pywats_archive.blobs.batch import BlobBatch
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.pipeline.processing import groups

HELD = """
class Held(Any):
    def outcome(self, source, context):
        text = source.path.read_text()
        while os.path.exists(HOLD):
            time.sleep(0.02)
        return ConverterResult.success_result(report={k: v for k, v in report(text).items() if v is not None})
"""
SURER = """
class Half(Held):
    def validate(self, source, context):
        return ValidationResult(can_convert=True, confidence=0.5, message="")

class Surer(Held):
    def validate(self, source, context):
        return ValidationResult(can_convert=True, confidence=0.9 if source.path.read_text() == "another" else 0.1, message="")
"""
CRASHING = """
import os, sys
from pathlib import Path
from pywats_archive.archive.sources import batch
from pywats_archive.pipeline.processing.dispatcher import Dispatcher
from pywats_archive.pipeline.service import Service, Settings

def crash(*arguments, **more):
    os._exit(9)

batch._LONGEST_S = 60.0
place, name = {"flushed": (batch, "_enter"), "committed": (Dispatcher, "_put_each")}[sys.argv[2]]
setattr(place, name, crash)
Service(Settings(config_path=Path(sys.argv[1]), processes=1, until_idle=True)).run()
"""
"""A service that crashes when the bytes of its first group have their names, or when its first group is committed.

The group has files, however slow the computer is.
"""


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files were archived together each time, however slow the computer is."""
    found: list[int] = []
    several = batch.archive_several

    def counted(archive: Archive, sources: Sequence[NewSource]) -> list[ArchiveEntry | Exception]:
        outcomes = several(archive, sources)
        found.append(sum(isinstance(outcome, ArchiveEntry) for outcome in outcomes))
        return outcomes

    monkeypatch.setattr(batch, "archive_several", counted)
    monkeypatch.setattr(batch, "_LONGEST_S", 60.0)
    return found


def drop(watch: Path, count: int, *, first: int = 0) -> set[str]:
    """Drop files, each of a unit of its own; gives their serial numbers."""
    units = {f"S{number}" for number in range(first, first + count)}
    for unit in units:
        (watch / f"{unit}.log").write_text(unit)
    return units


def units(station: Station) -> Counter[str]:
    """Give how many reports the server has of each unit."""
    return Counter(json.loads(bodies[0])["sn"] for bodies in station.server.received.values())


def require_each_once(station: Station, name: str, expected: set[str]) -> None:
    """Require that each file is in Done, in the archive and on the server, once."""
    assert set(station.names(f"{name}/Done")) == {f"{unit}.log" for unit in expected}
    assert station.names(f"{name}/watch") == []
    archived = Counter(Path(entry.source_original_path).stem for entry in station.entries())
    assert archived == units(station) == Counter(expected)


def held(station: Station, name: str = "held", code: str = "own.Held") -> tuple[Path, Path]:
    """Add a converter that waits while a file is there; gives its watch folder and that file."""
    hold = station.root / "hold"
    station.code(HELD.replace("HOLD", repr(str(hold))) + SURER)
    hold.write_text("")
    return station.add(name, code, file_patterns=["*.log"]), hold


@contextmanager
def released(hold: Path) -> Iterator[None]:
    """Let the converter go on in the end, even if the test fails: the service waits for it."""
    try:
        yield
    finally:
        hold.unlink(missing_ok=True)


def test_a_hundred_files_of_which_one_cannot_be_archived_at_once(
    station: Station, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All end once; the one whose blob fails in its group is archived alone, and no alert is raised for it."""
    watch, prepare = station.add("many"), Draft.prepare
    failed: list[str] = []

    def failing(draft: Draft, blobs: BlobBatch) -> None:
        if draft.source.path.stem == "S50":
            failed.append("S50")
            raise OSError(5, "bad block")
        prepare(draft, blobs)

    monkeypatch.setattr(Draft, "prepare", failing)
    dropped = drop(watch, 100)
    with capture_logs() as lines:
        assert not station.run().waiting
    require_each_once(station, "many", dropped)
    assert failed == ["S50"] and sum(sizes) >= 60 and max(sizes) <= groups.MOST
    assert not [line for line in lines if line["event"] == "alert.raised"]


@pytest.mark.skipif(sys.platform == "win32", reason="one converter process takes minutes under Wine")
@pytest.mark.parametrize("crash", ["flushed", "committed"])
def test_a_crash_between_archive_and_conversion(station: Station, crash: str) -> None:
    """After a crash every file of a group ends once, whether its row was committed or not (invariants 1, 5)."""
    watch = station.add("crashed")
    dropped = drop(watch, 40)
    command = [sys.executable, "-c", CRASHING, str(station.write_config()), crash]
    assert subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE_S).returncode == 9
    is_committed = crash == "committed"
    assert bool(station.entries()) == is_committed
    assert list(station.archive_root.glob("sources/**/*.gz")) and not station.server.received
    assert not station.run().waiting
    require_each_once(station, "crashed", dropped)


def test_a_file_that_is_replaced_while_its_group_waits(station: Station, sizes: list[int]) -> None:
    """The archived bytes are converted, and those that came after them as well: no unit is lost (invariants 1, 2)."""
    watch, hold = held(station)
    dropped = drop(watch, 20)
    with station.serving(), released(hold):
        wait_for(lambda: len(station.entries()) == len(dropped))
        waiting = max((p for p in watch.iterdir()), key=lambda path: int(path.stem[1:]))
        waiting.write_text("another")
        hold.unlink()
        wait_for(lambda: units(station).keys() == {*dropped, "another"})
        wait_for(lambda: station.names("held/watch") == [])
    assert sizes[0] == len(dropped) and set(units(station).values()) == {1}


def test_another_converter_does_not_bid_for_a_file_that_is_gone(station: Station, sizes: list[int]) -> None:
    """Only the file that replaced it is another converter's; the archived bytes stay with the first (invariants 1, 12)."""
    watch, hold = held(station, code="own.Half")
    station.add("surer", "own.Surer", watch_folder="held/watch", file_patterns=["*.log"])
    dropped = drop(watch, 20)
    with station.serving(), released(hold):
        wait_for(lambda: len(station.entries()) == len(dropped))
        waiting = max((p for p in watch.iterdir()), key=lambda path: int(path.stem[1:]))
        waiting.write_text("another")
        hold.unlink()
        wait_for(lambda: station.names("held/watch") == [])
    assert sizes[0] == len(dropped) and units(station) == Counter({*dropped, "another"})
    skipped = [entry for entry in station.entries() if entry.conversion_status.value == "SKIPPED"]
    assert [entry.converter_name for entry in skipped] == ["held"]


def test_an_archive_that_fails_is_as_for_single_files(station: Station, sizes: list[int]) -> None:
    """While nothing can be archived all files wait in their folder with one alert; then all of them end (invariant 11)."""
    watch = station.add("held")
    station.run()
    blocked = block_today(station.archive_root)
    dropped = drop(watch, 20)
    with capture_logs() as lines:
        assert len(station.run().waiting) >= 1
    assert set(station.names("held/watch")) == {f"{unit}.log" for unit in dropped} and not station.server.received
    assert [line["alert"] for line in lines if line["event"] == "alert.raised"] == ["archive.failing"]
    blocked.unlink()
    assert not station.run().waiting
    require_each_once(station, "held", dropped)


def test_files_with_companions_go_alone(station: Station, sizes: list[int]) -> None:
    """A converter with companion rules archives each source with its companions."""
    watch = station.add("beside", archive_companions=["{stem}.txt"], file_patterns=["*.log"])
    dropped = drop(watch, 12)
    for unit in dropped:
        (watch / f"{unit}.txt").write_text("beside")
    assert not station.run().waiting
    assert sizes == [] and all(len(entry.companions) == 1 for entry in station.entries())
    assert len(station.entries()) == len(dropped)
