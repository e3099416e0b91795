"""An index whose process is killed, or whose disk is full: the next run completes it, and nothing erased is left."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.disk import Disk
from tests.unit.plant.stations import Made, PlantStation, indexed
from tests.unit.plant.test_life import Killed, is_same, texts

from pywats_archive import Client, ErasureChoice
from pywats_archive.client.plant.index import Plant
from pywats_archive.errors import StorageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.plant.entry import PlantFilter
from pywats_archive.plant.indexing import Indexing
from pywats_archive.vault.folder import FolderVault

PASSED = Made(status=ConversionStatus.SUCCESS, units=(0,))
PERSON = Made(status=ConversionStatus.SUCCESS, units=(3,), warnings=("Erika Mustermann",))
EVERYTHING = PlantFilter()
Stations = Callable[[str], PlantStation]
_KILLED = """
import os, signal, sys
from pathlib import Path
from pywats_archive.plant.indexing import Indexing
from pywats_archive.vault.folder import FolderVault
left = int(sys.argv[3])
def kill(name):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
Indexing(Path(sys.argv[1]), FolderVault(Path(sys.argv[2])), on_step=kill).run()
"""


@pytest.mark.long
def test_nothing_erased_is_left_whatever_interrupts_the_run(
    station: Stations, vault: FolderVault, tmp_path: Path
) -> None:
    """At each step the process is killed, or the disk is full: whoever searches finds all entries, and the next run ends it."""
    one = station("a")
    erased = one.add(PERSON)
    one.add(PASSED)
    one.ship()
    today = one.aged.now
    indexed(tmp_path / "before", vault, clock=lambda: today - timedelta(days=1))
    indexed(tmp_path / "before", vault, clock=lambda: today)
    assert any((tmp_path / "before" / "months").iterdir()) and b"Erika" in texts(tmp_path / "before")
    with one.closed() as root, Client([root]) as client:
        client.erase(ErasureChoice(archive_ids=(erased.archive_id,)), reason="request")
    one.ship()
    for step in itertools.count():
        folder, left = tmp_path / f"step {step}", itertools.count()
        shutil.copytree(tmp_path / "before", folder)

        def interrupt(name: str, left: itertools.count[int] = left, step: int = step) -> None:
            if next(left) == step:
                raise Killed(name) if step % 2 else OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        indexing = Indexing(folder, vault, on_step=interrupt, clock=lambda: today)
        try:
            indexing.run()
        except (Killed, StorageError) as exc:
            assert isinstance(exc, Killed) or "No space left" in str(exc)
            assert Plant(folder).find(EVERYTHING).total == 2
            made = indexed(folder, vault, clock=lambda: today)
        else:
            break
        assert b"Erika" not in texts(folder) and "größer*7".encode() not in texts(folder)
    assert step > 8
    assert is_same(made, one.archive.root)


@pytest.mark.posix("SIGKILL")
@pytest.mark.long
def test_a_process_that_is_killed_leaves_nothing_in_the_way(
    station: Stations, vault: FolderVault, tmp_path: Path
) -> None:
    """Neither its lock, nor its files."""
    one, folder = station("a"), tmp_path / "index"
    one.add(PASSED)
    one.ship()
    for number in (2, 3, 6):
        ended = subprocess.run([sys.executable, "-c", _KILLED, folder, vault.url, str(number)], check=False)
        assert ended.returncode == -9
        assert not (folder / "index.json").exists()
    assert list((folder / "today").iterdir())
    made = indexed(folder, vault)
    assert is_same(made, one.archive.root)
    assert len(list((folder / "today").iterdir())) == 2 and not any((folder / "work").iterdir())


@pytest.mark.posix("a disk of its own")
def test_a_full_disk_is_named_and_the_index_answers(station: Stations, vault: FolderVault, tmp_path: Path) -> None:
    """With a real one: as before the run, and once there is space, with what is new."""
    one = station("a")
    one.add(PASSED)
    one.ship()
    (tmp_path / "disk").mkdir()
    disk = Disk(tmp_path / "disk", 1)
    disk.mount()
    try:
        folder = tmp_path / "disk" / "index"
        indexed(folder, vault)
        for _ in range(40):
            one.add(PASSED)
        one.ship()
        disk.fill()
        with pytest.raises(StorageError, match="space"):
            indexed(folder, vault)
        assert Plant(folder).find(EVERYTHING).total == 1
        disk.free()
        assert is_same(indexed(folder, vault), one.archive.root)
    finally:
        disk.unmount()
