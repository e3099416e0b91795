"""Sources whose times no clock should have: each is archived like any other, and nothing else waits for it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.station import FOLDERS, Station, check_sound

from pywats_archive.archive.restore.source import restore_source
from pywats_archive.models.time import FIRST_NS, LAST_NS

YEAR_2300_NS = 10_413_792_000 * 10**9 + 5


def test_a_file_of_the_year_2300_keeps_no_other_file_from_the_archive(station: Station) -> None:
    """A time that the catalog cannot store is a warning, and is restored exactly (invariant 12)."""
    watch = station.add("odd")
    for name in ("a.log", "future.log", "z.log"):
        (watch / name).write_bytes(name.encode())
    _date(watch / "future.log", YEAR_2300_NS)
    assert station.run().waiting == ()
    assert station.names("odd/Done") == ["a.log", "future.log", "z.log"]
    by_name = {Path(entry.source_original_path).name: entry for entry in station.entries()}
    assert by_name["future.log"].source_mtime_ns == LAST_NS
    assert any("time of last change" in warning for warning in by_name["future.log"].warnings)
    assert not any(
        "time of last change" in warning for name in ("a.log", "z.log") for warning in by_name[name].warnings
    )
    with station.archive() as archive:
        back = restore_source(archive, by_name["future.log"].archive_id, station.root / "back")
    assert back.stat().st_mtime_ns == YEAR_2300_NS


def test_what_lies_in_a_folder_or_beside_a_source_may_have_any_time(station: Station) -> None:
    """Members of a folder and companions come back with times that the catalog cannot hold."""
    station.code(FOLDERS)
    folders = station.add("folders", "own.Folders", converter_type="folder", readiness_marker="done.txt")
    files = station.add("files", file_patterns=["*.log"], archive_companions=["{stem}.cfg"])
    (folders / "unit").mkdir()
    (folders / "unit" / "1.txt").write_bytes(b"1")
    (folders / "unit" / "done.txt").write_bytes(b"")
    (files / "a.log").write_bytes(b"a")
    (files / "a.cfg").write_bytes(b"c")
    for path in (folders / "unit/1.txt", files / "a.cfg"):
        _date(path, YEAR_2300_NS)
    assert station.run().waiting == ()
    with station.archive() as archive:
        for entry in station.entries():
            restore_source(archive, entry.archive_id, station.root / "back")
    assert (station.root / "back/unit/1.txt").stat().st_mtime_ns == YEAR_2300_NS
    assert (station.root / "back/a.cfg").stat().st_mtime_ns == YEAR_2300_NS


def test_a_source_of_any_time_comes_to_its_end(roomy: Path) -> None:
    """Every post action copes with times before 1970 and far beyond; a second run finds nothing to do (invariant 12)."""
    with Station(roomy / "station") as station:
        for action in ("move", "delete", "zip", "archive", "keep"):
            watch = station.add(f"by-{action}", post_action=action)
            for number, moment_ns in enumerate((-(10**9) - 7, YEAR_2300_NS, 2**60 * 10**9, -(2**60) * 10**9)):
                (watch / f"{number}.log").write_bytes(f"{action} {number}".encode())
                _date(watch / f"{number}.log", moment_ns, even_nearly=True)
        for _ in range(2):
            assert station.run().waiting == ()
        entries = station.entries()
        assert len(entries) == 20 and {entry.conversion_status.value for entry in entries} == {"SUCCESS"}
        assert all(FIRST_NS <= entry.source_mtime_ns <= LAST_NS for entry in entries)
        assert [arrival.state.value for arrival in station.arrivals()] == ["done"] * 20
        assert len(station.server.received) == 20
    check_sound(station.archive_root)


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system that holds any time, where there is one."""
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else tmp_path) as folder:
        yield Path(folder)


def _date(path: Path, moment_ns: int, *, even_nearly: bool = False) -> None:
    os.utime(path, ns=(moment_ns, moment_ns))
    if path.stat().st_mtime_ns != moment_ns and not even_nearly:
        pytest.skip("this file system has no such time")
