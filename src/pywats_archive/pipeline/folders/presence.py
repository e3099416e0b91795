"""A watch folder that may lie on a disk or share that goes away: it is not made anew then, and what lay in it is not gone."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pywats_archive.errors import FolderAway, FolderTaken
from pywats_archive.portable import volumes


def absence(*, is_there: bool, mount_point: str, is_mounted: bool) -> str | None:
    """Decide why a folder that was there before is away, if it is; ``mount_point`` is what it lay on then."""
    if not is_mounted:
        return f"nothing is mounted at {mount_point}, where it lay"
    return None if is_there else "it is not there"


def mount_point_of(folder: Path) -> str:
    """Name the mount point that a folder lies on."""
    whole = Path(os.path.abspath(folder))  # noqa: PTH100 (keeps links as they are named)
    return str(next(each for each in (whole, *whole.parents) if os.path.ismount(each) or each == each.parent))


class WatchFolder:
    """One watch folder, and where it lay when it was there; ``mount_point`` is None when it never was."""

    def __init__(self, path: Path, mount_point: str | None = None) -> None:
        self.path = path
        self.mount_point = mount_point
        self.taken: FolderTaken | None = None
        """Whose it is, when another service owns it."""
        self.is_remote = True
        """Whether other computers may write to it; until it was there, nobody knows."""
        self.was_away = False
        """Whether it was away, or another service's, at the last check."""
        self.keeps_inodes = False
        """Whether a file that has another number than before is another file."""

    def trouble(self) -> FolderAway | None:
        """Return why nothing may be taken from it, if so: it is away, or another service owns it. Costs two system calls."""
        return self.absence() or self.taken

    def absence(self) -> FolderAway | None:
        """Return why it is away, if it is."""
        point = self.mount_point
        reason = absence(
            is_there=self.path.is_dir(), mount_point=point or "", is_mounted=point is None or os.path.ismount(point)
        )
        if reason is None:
            return None
        return FolderAway(
            f"{self.path}: {reason}; mount its disk or share, or make the folder again. What lay there waits"
        )

    def require(self) -> None:
        """Raise FolderAway when it is away."""
        if trouble := self.trouble():
            raise trouble

    def prepare(self) -> str | None:
        """Make it when it never was; gives the mount point it lies on, None when it is away."""
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
