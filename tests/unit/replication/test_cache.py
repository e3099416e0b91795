"""A file from the vault is fetched once for a page that reads it several times, and does not stay."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest
from tests.aged import Aged
from tests.station import wait_for

from pywats_archive.archive.erasing import carrying_out
from pywats_archive.archive.erasing.journal import Erasing
from pywats_archive.errors import BlobMissing
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.replication.cache import FileCache
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.folder import FolderVault


class Reading:
    """Reads sources of one archive from the vault, and counts how often the vault was asked."""

    def __init__(self, aged: Aged, vault: FolderVault, files: FileCache) -> None:
        self.aged = aged
        self.vault = vault
        self.files = files
        self.asked = 0
        self.folders: list[Path] = []

    def __call__(self, entry: ArchiveEntry) -> bytes:
        with ExitStack() as using:
            return self.begin(entry, using)

    def begin(self, entry: ArchiveEntry, using: ExitStack) -> bytes:
        """Read a source, and go on reading until ``using`` ends."""
        path = str(entry.source_archived_path)
        borrowing = self.files.borrowed(
            self.aged.archive, entry.archive_id, path, vault=self.vault, keys=None, guard=self._guard
        )
        found = using.enter_context(borrowing)
        self.folders.append(found.blobs.root)
        return found.blobs.stored_bytes(path)

    def _guard(self) -> nullcontext[None]:
        self.asked += 1
        return nullcontext()


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


@pytest.fixture
def reading(aged: Aged, vault: FolderVault) -> Iterator[Callable[..., Reading]]:
    """Makes a reader with some limits."""
    made: list[FileCache] = []

    def make(**limits: object) -> Reading:
        list(Shipping(aged.archive, vault, limit_bytes=400_000).ship_all())
        made.append(FileCache(**limits))  # type: ignore[arg-type]
        return Reading(aged, vault, made[-1])

    yield make
    for each in made:
        each.close()


def test_a_file_is_fetched_once(aged: Aged, reading: Callable[..., Reading]) -> None:
    """Nobody else may read it, and nothing of it is left at the end."""
    one, other = aged.add(), aged.add()
    read = reading()
    content = (aged.archive.root / str(one.source_archived_path)).read_bytes()
    assert [read(one), read(one), read.asked] == [content, content, 1]
    assert read(other) != content and read.asked == 2
    assert os.name == "nt" or read.folders[0].stat().st_mode & 0o077 == 0
    read.files.close()
    assert not any(each.exists() for each in read.folders)
    assert read(one) == content and read.asked == 3


def test_a_file_goes_after_two_minutes(aged: Aged, reading: Callable[..., Reading]) -> None:
    """Without any further request; a file that is being read stays until its reader ends."""
    entry, now_s = aged.add(), 0.0
    read = reading(now_s=lambda: now_s, check_s=0.02)
    read(entry)
    now_s = 110.0
    read(entry)
    with ExitStack() as using:
        now_s = 220.0
        read.begin(entry, using)
        now_s, timer = 500.0, read.files._timer
        wait_for(lambda: read.files._timer not in (None, timer) or not read.folders[0].exists())
        assert read.folders[0].exists() and read.asked == 1
    assert read.folders[0].exists()  # its last use ended just now
    now_s = 621.0
    wait_for(lambda: not read.folders[0].exists())
    read(entry)
    assert read.asked == 2


def test_only_so_much_is_kept(aged: Aged, reading: Callable[..., Reading]) -> None:
    """The file that was used last stays; one that is larger than the limit is removed at once."""
    one, two, large = aged.add(size=3000), aged.add(size=3000), aged.add(size=9000)
    read = reading(limit_bytes=5000)
    for entry in (one, two, large):
        read(entry)
    assert [each.exists() for each in read.folders] == [False, True, False]
    read(two)
    assert read.asked == 3


def test_an_erased_file_goes(aged: Aged, reading: Callable[..., Reading]) -> None:
    """The pages no longer read it once the erasure has begun, and remove it soon after."""
    entry = aged.add(days_ago=30)
    read = reading(check_s=0.05)
    read(entry)
    with carrying_out.alone(aged.archive):
        carrying_out.erase(aged.archive, [entry.archive_id], Erasing(reason="request", actor="os:ann"))
    with pytest.raises(BlobMissing, match="erased"):
        read(entry)
    wait_for(lambda: not read.folders[0].exists())


def test_a_fetch_that_fails_leaves_nothing(aged: Aged, vault: FolderVault, reading: Callable[..., Reading]) -> None:
    """The next one tries again."""
    read, entry = reading(), aged.add()
    with pytest.raises(BlobMissing):
        read(entry)
    assert read.files._scratch and read.files._scratch._base
    assert [each.name for each in read.files._scratch._base.iterdir()] == [".scratch.lock"]
    list(Shipping(aged.archive, vault, limit_bytes=400_000).ship_all())
    assert read(entry) and read.asked == 2
