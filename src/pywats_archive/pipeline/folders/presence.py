"""A watch folder whose disk or share may go away: it is not created again then, and its sources have not vanished."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pywats_archive.errors import FolderAway, FolderTaken
from pywats_archive.portable import volumes


def absence(*, is_there: bool, mount_point: str, is_mounted: bool) -> str | None:
    """Decide why a known folder is away, if it is; ``mount_point``: where its disk or share was mounted."""
    if not is_mounted:
        return f"nothing is mounted at {mount_point}, where it was"
    return None if is_there else "it does not exist"


def mount_point_of(folder: Path) -> str:
    """Return the mount point of a folder's file system."""
    whole = Path(os.path.abspath(folder))  # noqa: PTH100 (keeps links as they are named)
    return str(next(each for each in (whole, *whole.parents) if os.path.ismount(each) or each == each.parent))


class WatchFolder:
    """One watch folder, and its mount point when it was last available; None if it never was."""

    def __init__(self, path: Path, mount_point: str | None = None) -> None:
        self.path = path
        self.mount_point = mount_point
        self.taken: FolderTaken | None = None
        """The error that names the owner, when another service owns it."""
        self.is_remote = True
        """Whether other computers may write to it; assumed until the folder was available."""
        self.was_away = False
        """Whether it was away, or owned by another service, at the last check."""
        self.keeps_inodes = False
        """Whether the file system has stable inode numbers, so that another number means another file."""

    def trouble(self) -> FolderAway | None:
        """Return why no source may be taken from it, if so: it is away, or another service owns it. Two system calls."""
        return self.absence() or self.taken

    def absence(self) -> FolderAway | None:
        """Return why the folder is away, if it is."""
        point = self.mount_point
        reason = absence(
            is_there=self.path.is_dir(), mount_point=point or "", is_mounted=point is None or os.path.ismount(point)
        )
        if reason is None:
            return None
        return FolderAway(
            f"{self.path}: {reason}; mount its disk or share, or create the folder again. Its sources wait"
        )

    def require(self) -> None:
        """Raise FolderAway when it is away or taken."""
        if trouble := self.trouble():
            raise trouble

    def prepare(self) -> str | None:
        """Create the folder on first use; returns its mount point, None when it is away."""
        if self.mount_point is None:
            self.path.mkdir(parents=True, exist_ok=True)
        if self.absence():
            return None
        self.mount_point = self.mount_point or mount_point_of(self.path)
        with suppress(OSError):
            system = volumes.file_system(self.path)
            self.is_remote = system is not None and system.is_remote
            self.keeps_inodes = system is not None and system.keeps_inodes
        return self.mount_point
