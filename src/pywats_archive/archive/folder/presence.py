"""Whether an archive is where it was: its disk or share may be gone, and something else, or nothing, lie at its place."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pywats_archive.archive.folder import layout
from pywats_archive.archive.folder.description import read_description
from pywats_archive.errors import AnotherArchive, ArchiveAway, ArchiveError, NotAnArchive


def require_archive(root: Path, archive_uuid: str) -> None:
    """Raise ArchiveAway unless an archive lies at ``root``, AnotherArchive when it is not the one of that uuid.

    It reads archive.json, and makes nothing.
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
            f"{root}: another archive ({found.archive_uuid}) lies where {archive_uuid} was; mount the right disk or share"
        )


class Anchor:
    """Holds an open archive to its place: what was opened is compared with what lies there now.

    It tells a share that came back from one that never left: files that were open are of no use then. Asking costs two
    system calls.
    """

    def __init__(self, root: Path, archive_uuid: str) -> None:
        self._root, self._uuid = root, archive_uuid
        self._path = root / layout.DESCRIPTION
        self._descriptor: int | None = None
        with suppress(OSError):
            self._descriptor = os.open(self._path, os.O_RDONLY)

    def require(self) -> None:
        """Raise ArchiveAway unless the archive that was opened lies at its place; AnotherArchive when another one does."""
        if self._is_the_same():
            return
        require_archive(self._root, self._uuid)
        raise ArchiveAway(f"{self._root}: was gone and is back; it is opened again")

    def close(self) -> None:
        """Let it go; idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _is_the_same(self) -> bool:
        try:
            return self._descriptor is not None and os.path.samestat(os.fstat(self._descriptor), os.stat(self._path))  # noqa: PTH116
        except OSError:
            return False
