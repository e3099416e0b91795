"""A small disk of its own for tests, which can be filled, freed, taken away and brought back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BLOCK = 1 << 16


class Disk:
    """A tmpfs at ``mount_point``; what is on it goes when it is unmounted."""

    def __init__(self, mount_point: Path, size_mb: int) -> None:
        self.mount_point = mount_point
        self._size_mb = size_mb

    def mount(self) -> None:
        """Put an empty disk in place; the test is skipped where that is not allowed."""
        options = f"size={self._size_mb}m"
        told = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.mount_point], capture_output=True, check=False
        )
        if told.returncode != 0:
            pytest.skip(f"may not mount here: {told.stderr.decode().strip()}")

    def unmount(self) -> None:
        """Take the disk away, even while files on it are open."""
        if self.mount_point.is_mount():
            subprocess.run(["umount", "-l", self.mount_point], check=True)

    def fill(self, *, leave_bytes: int = 0) -> None:
        """Fill the disk, but for so many bytes."""
        with (self.mount_point / "ballast").open("ab", buffering=0) as stream:
            while (rest := shutil.disk_usage(self.mount_point).free - leave_bytes) > 0:
                stream.write(bytes(min(_BLOCK, rest)))

    def free(self) -> None:
        """Take away what it was filled with."""
        (self.mount_point / "ballast").unlink()


class Share:
    """A folder that can be mounted at ``mount_point`` and taken away again, with what is in it."""

    def __init__(self, store: Path, mount_point: Path) -> None:
        self._store = store
        self.mount_point = mount_point

    def come(self) -> None:
        """Mount it."""
        subprocess.run(["mount", "--bind", self._store, self.mount_point], check=True)

    def go(self) -> None:
        """Take it away, even while files in it are open: the empty mount point is left."""
        subprocess.run(["umount", "-l", self.mount_point], check=True)


@contextmanager
def share(mount_point: Path) -> Iterator[Share]:
    """Have a share at a folder meanwhile; the test is skipped where nothing may be mounted."""
    mount_point.mkdir(parents=True, exist_ok=True)
    with small_disk(mount_point.with_name(f"{mount_point.name}-store"), 80) as disk:
        made = Share(disk.mount_point, mount_point)
        made.come()
        try:
            yield made
        finally:
            while mount_point.is_mount():
                made.go()


@contextmanager
def small_disk(mount_point: Path, size_mb: int = 40) -> Iterator[Disk]:
    """Have a small disk at a folder meanwhile; the test is skipped where no disk may be mounted."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk")
    mount_point.mkdir(parents=True, exist_ok=True)
    disk = Disk(mount_point, size_mb)
    disk.mount()
    try:
        yield disk
    finally:
        while mount_point.is_mount():
            disk.unmount()
