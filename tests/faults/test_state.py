"""Two steps count as one only if they leave the same state: whatever a later start could find differently makes another one."""

from __future__ import annotations

import mmap
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.drops import OTHER_FILE_SYSTEM
from tests.faults.place import Place
from tests.faults.power import Power
from tests.faults.state import Survey, state_of
from tests.faults.steps import Steps

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="compares inodes, and links Done to another file system"
)
_LOG, _OTHER, _DONE = "watch/unit.log", "watch/other.log", "Done/unit.log"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place with two files in the watch folder, and one in Done, which is elsewhere."""
    place = Place(folder=tmp_path / "place")
    for name in ("unit.log", "other.log"):
        place.drop(name, b"measured")
    elsewhere = OTHER_FILE_SYSTEM / f"pywats-archive-test-{os.getpid()}"
    elsewhere.mkdir()
    (place.folder / "Done").symlink_to(elsewhere)
    (place.folder / _DONE).write_bytes(b"moved")
    yield place
    shutil.rmtree(elsewhere)


def _rewrite(path: Path) -> None:
    """Write as many other bytes into a file, and set its time back."""
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _copy_over(path: Path) -> None:
    """Put a copy in place of a file: only its inode is another one, and when that changed."""
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    copy.replace(path)


_CHANGES: dict[str, Callable[[Path], object]] = {
    "bytes": lambda folder: _rewrite(folder / _LOG),
    "bytes in Done": lambda folder: _rewrite(folder / _DONE),
    "inode": lambda folder: _copy_over(folder / _LOG),
    "mode": lambda folder: (folder / _LOG).chmod(0o400),
    "time": lambda folder: os.utime(folder / _LOG, ns=(0, 0)),
    "name": lambda folder: (folder / _LOG).rename(folder / "watch/renamed.log"),
    "further name": lambda folder: os.link(folder / _LOG, folder / "watch/linked.log"),
    "removed": lambda folder: (folder / _OTHER).unlink(),
    "folder": lambda folder: (folder / "Pending").mkdir(),
}


@pytest.mark.parametrize("change", _CHANGES.values(), ids=_CHANGES)
def test_whatever_changes_makes_another_state(place: Place, change: Callable[[Path], object]) -> None:
    """Bytes, names, links, modes, times and inodes all belong to the state, in Done too, and nothing else does."""
    before = state_of(place)
    place.files("watch")
    assert state_of(place) == before
    change(place.folder)
    assert state_of(place) != before


def test_bytes_in_shared_memory_belong_to_the_state(place: Place) -> None:
    """What SQLite writes into its shared memory makes another state, although the file's times stay as they are."""
    with (place.folder / _LOG).open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as memory:
        memory[0] = 1
        before, time_ns = state_of(place), os.fstat(stream.fileno()).st_mtime_ns
        memory[0] = 2
        assert os.fstat(stream.fileno()).st_mtime_ns == time_ns
        assert state_of(place) != before


def test_a_survey_names_the_steps_that_find_another_state(place: Place) -> None:
    """A step is left out if nothing changed since the step before; where power is lost, nothing durable either."""
    crashing, losing = Survey(place, loses_power=False), Survey(place, loses_power=True)

    def survey(steps: Steps, name: str) -> None:
        crashing(steps, name)
        losing(steps, name)

    steps = Steps(survey, 0, place.folder)
    steps.is_armed = True
    _pass(steps, place, steps.power)
    assert (crashing.steps, losing.steps) == ([1, 3], [1, 3, 4])
    assert crashing.count == losing.count == 5


def _pass(steps: Steps, place: Place, power: Power) -> None:
    """Pass five steps: a file is written before the third, and made durable before the fourth."""
    steps("begin")
    steps("open")
    with (place.folder / _LOG).open("ab") as stream:
        stream.write(b"more")
        stream.flush()
        steps("fsync")
        power.synced(stream.fileno())
    steps("rename")
    steps("the end")
