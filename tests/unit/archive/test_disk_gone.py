"""An archive whose disk or share goes away in the middle of a step: nothing is written in its place."""

from __future__ import annotations

import itertools
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.station import check_sound

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import locks
from pywats_archive.archive.repair.recover import recover
from pywats_archive.archive.sources.ingest import NewSource, archive_source
from pywats_archive.errors import ArchiveAway, ArchiveError, StorageError
from pywats_archive.models.query import EntryFilter


@dataclass
class Losing:
    """A disk that is lost at a step; ``step``: how many steps go well before, none is counted while it is None."""

    root: Path
    disk: Path
    is_mount_point: bool
    step: int | None = None

    def __call__(self, _: str) -> None:
        if self.step is None:
            return
        if self.step == 0:
            self.root.rename(self.disk)
            if self.is_mount_point:
                self.root.mkdir()
        self.step -= 1


@pytest.mark.skipif(sys.platform == "win32", reason="the folder of an open catalog cannot be renamed")
@pytest.mark.parametrize("is_mount_point", [False, True], ids=["its folder is gone", "its mount point is left"])
def test_nothing_is_written_in_the_place_of_a_lost_disk(tmp_path: Path, *, is_mount_point: bool) -> None:
    """Lose the disk at step k, for every k: nothing is written where it was, and its archive is sound when it is back."""
    for k in itertools.count():
        (base := tmp_path / str(k)).mkdir()
        (base / "a.log").write_bytes(b"content")
        losing = Losing(base / "archive", base / "disk", is_mount_point)
        with Archive.open(losing.root, create=True, own=True, on_step=losing) as archive:
            losing.step = k
            with suppress(ArchiveAway, ArchiveError):
                archive_source(archive, NewSource(path=base / "a.log", converter_name="C"))
            losing.step = None
            if not losing.disk.exists():
                assert k > 4
                return
            assert losing.root.exists() == is_mount_point and not list(losing.root.glob("*"))
            if is_mount_point:
                losing.root.rmdir()
            losing.disk.rename(losing.root)
        with Archive.open(losing.root, own=True) as archive:
            recover(archive)
            assert archive.find(EntryFilter()).total <= 1
        check_sound(losing.root)


def test_no_lock_creates_the_folder_of_a_lost_disk(tmp_path: Path) -> None:
    """A lock in a folder that is away is an error, and leaves nothing in its place."""
    with pytest.raises(StorageError, match="mount its disk"), locks.nobody_purging(tmp_path / "away"):
        pass
    assert not (tmp_path / "away").exists()
