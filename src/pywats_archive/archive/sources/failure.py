"""The error of a source that the archive could not take."""

from __future__ import annotations

from pathlib import Path

from pywats_archive.errors import StorageError


def not_archived(path: Path | str, root: Path, error: OSError) -> StorageError:
    """Return the error of a source at ``path``; it names the folder of the archive in which it could not be written."""
    return StorageError(f"{path}: cannot be archived in {_folder(root, error)} ({error.strerror or error})")


def _folder(root: Path, error: OSError) -> Path:
    """Return the folder at fault, if it is in the archive and exists, or else the archive's."""
    named = Path(error.filename) if isinstance(error.filename, str) else root
    return next((folder for folder in named.parents if root in folder.parents and _exists(folder)), root)


def _exists(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:  # a folder above it cannot be searched
        return False
