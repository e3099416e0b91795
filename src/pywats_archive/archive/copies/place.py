"""A place for copies of one archive's catalog."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from pywats_archive.archive.copies.plan import CatalogCopy, copy_named
from pywats_archive.archive.folder import layout
from pywats_archive.blobs.store import BlobStore
from pywats_archive.errors import StorageError
from pywats_archive.models.step import OnStep, no_step


class CopyPlace:
    """A folder below ``root`` with copies of one archive's catalog; ``root`` itself must exist."""

    def __init__(
        self,
        root: Path,
        folder: str,
        *,
        on_step: OnStep = no_step,
        require_root: Callable[[], None] = lambda: None,
    ) -> None:
        self.root = root
        self.folder = folder
        self.require_root = require_root
        """Raises StorageError while ``root`` is away."""
        self.blobs = BlobStore(root, on_step=on_step, require_root=require_root)

    @property
    def path(self) -> Path:
        """The whole path of the folder."""
        return self.root / self.folder

    def copies(self) -> tuple[CatalogCopy, ...]:
        """Return the copies here, oldest first; StorageError if the folder cannot be listed."""
        try:
            names = os.listdir(self.path)  # noqa: PTH208 (names alone)
        except FileNotFoundError:
            return ()
        except OSError as exc:
            raise StorageError(f"{self.path}: cannot be listed ({exc.strerror or exc}); check its rights") from exc
        return tuple(sorted(copy for name in names if (copy := copy_named(name))))

    def newest(self) -> CatalogCopy | None:
        """Return the newest copy; None if there is none."""
        return max(self.copies(), default=None)

    def path_of(self, copy: CatalogCopy) -> str:
        """Return the path of a copy, relative to ``root``."""
        return f"{self.folder}/{copy.name}"

    def free_bytes(self) -> int:
        """Return the free space of the disk; StorageError if ``root`` does not exist."""
        try:
            return shutil.disk_usage(self.root).free
        except OSError as exc:
            raise StorageError(
                f"{self.root}: cannot be used ({exc.strerror or exc}); create the folder, or mount its disk or share"
            ) from exc

    def remove(self, copies: Iterable[CatalogCopy]) -> None:
        """Remove copies; one that cannot be removed is tried again with the next copy."""
        with suppress(OSError):
            self.blobs.files.remove_all([self.path_of(copy) for copy in copies])

    def remove_temporary(self) -> None:
        """Remove what an interrupted copy left."""
        with suppress(OSError):
            self.blobs.remove_temporary(self.folder, report=lambda path: None, deep=False)


def in_archive(root: Path, *, on_step: OnStep = no_step, require_root: Callable[[], None] = lambda: None) -> CopyPlace:
    """Return the place in the archive at ``root``."""
    return CopyPlace(root, layout.BACKUPS, on_step=on_step, require_root=require_root)


def in_backup_folder(backup_folder: Path, archive_uuid: str) -> CopyPlace:
    """Return the place of an archive in the configured backup folder, which is not created: its disk may be away."""

    def require() -> None:
        if not backup_folder.is_dir():
            raise StorageError(f"{backup_folder}: is not a folder; create it, or mount its disk or share")

    return CopyPlace(backup_folder, archive_uuid, require_root=require)
