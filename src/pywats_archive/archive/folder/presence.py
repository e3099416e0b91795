"""Whether an archive is still at its path: its disk or share may be gone, and another folder in its place."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pywats_archive.archive.folder import layout
from pywats_archive.archive.folder.description import add_feature, read_description
from pywats_archive.errors import AnotherArchive, ArchiveAway, ArchiveError, NotAnArchive
from pywats_archive.models.step import OnStep, no_step


def require_archive(root: Path, archive_uuid: str) -> None:
    """Raise ArchiveAway unless there is an archive at ``root``, AnotherArchive if it has another uuid.

    Only reads archive.json, and creates nothing.
    """
    try:
        found = read_description(root)
    except NotAnArchive as exc:
        raise ArchiveAway(f"{exc}, or mount its disk") from exc
    except ArchiveError as exc:
        raise ArchiveAway(f"{root}: cannot be read ({exc})") from exc
    if found is None and any((root / name).exists() for name in (layout.CATALOG, layout.SOURCES)):
        raise ArchiveAway(f"{root}: archive.json is missing beside an archive's files; restore it from a backup")
    if found is None:
        raise ArchiveAway(f"{root}: archive {archive_uuid} is not there; mount its disk or share")
    if found.archive_uuid != archive_uuid:
        raise AnotherArchive(
            f"{root}: another archive ({found.archive_uuid}) is in the place of {archive_uuid}; mount the right disk or share"
        )


class Presence:
    """Ties an open archive to its path: compares the opened archive with what is there now.

    It also detects a share that was gone and came back: files that were open before are useless then. A check costs two
    system calls.
    """

    def __init__(self, root: Path, archive_uuid: str) -> None:
        self._root, self._uuid = root, archive_uuid
        self._path = root / layout.DESCRIPTION
        self._descriptor: int | None = None
        self._open()

    def require(self) -> None:
        """Raise ArchiveAway unless the opened archive is at its path; AnotherArchive if another one is."""
        if self._is_the_same():
            return
        require_archive(self._root, self._uuid)
        if self._was_replaced():
            self.close()
            self._open()
            return
        raise ArchiveAway(f"{self._root}: was unavailable and is back; it is opened again")

    def add_feature(self, feature: str, *, on_step: OnStep = no_step) -> None:
        """Add a feature to archive.json, whose file is replaced; StorageError if that fails.

        On Windows a file that is open cannot be replaced: this process closes it before, and another one that has the
        archive open makes it fail.
        """
        self.require()
        self.close()
        try:
            add_feature(self._root, feature, on_step=on_step)
        finally:
            self._open()

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        with suppress(OSError):
            self._descriptor = os.open(self._path, os.O_RDONLY)

    def _was_replaced(self) -> bool:
        """Whether another process replaced archive.json while the disk stayed available."""
        try:
            if self._descriptor is None:
                return False
            opened, there = os.fstat(self._descriptor), self._path.stat()
            return opened.st_nlink == 0 and opened.st_dev == there.st_dev
        except OSError:
            return False

    def _is_the_same(self) -> bool:
        try:
            return self._descriptor is not None and os.path.samestat(os.fstat(self._descriptor), os.stat(self._path))  # noqa: PTH116
        except OSError:
            return False
