"""The folder of the notes: created by the archive's account, writable for its group; no account can remove another's note."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pywats_archive.archive.folder import layout
from pywats_archive.portable import names
from pywats_archive.portable.files import WINDOWS

REQUIRED = ".required"
"""An empty file in the folder: without a record, no content is shown."""
NOTE_SUFFIX, PARTIAL_SUFFIX = ".json", ".part"
MOST_BYTES = 4096
"""The largest size of a note."""
MOST_NOTES = 20_000
"""Notes that wait at once; a further one is refused."""
_MODE = 0o3770
"""Its group may enter, list and write; new files get the group; each account removes only its own (inode(7))."""


def place_of(root: Path) -> Path:
    """Return the folder of an archive's notes."""
    return root / layout.ACCESSES


def prepare(root: Path, *, required: bool, windows: bool = WINDOWS) -> Path:
    """Create the folder with the group of the archive, and set or remove the mark for a required record; for the owner.

    On Windows, the folder has the rights of the archive's own: readers get theirs from an administrator.
    """
    folder = place_of(root)
    if not folder.is_dir():
        folder.mkdir(mode=0o700, exist_ok=True)
        if not windows:
            group = root.stat().st_gid
            with suppress(PermissionError):  # not a member: then only this account writes there
                os.chown(folder, -1, group)
            folder.chmod(_MODE)
    marker = folder / REQUIRED
    if required and not marker.exists():
        os.close(os.open(marker, os.O_CREAT | os.O_WRONLY, 0o644))
    elif not required:
        names.unlink(marker, missing_ok=True)
    return folder


def is_required(root: Path) -> bool:
    """Return whether this archive requires a record of each access."""
    return (place_of(root) / REQUIRED).exists()


def is_usable(root: Path) -> bool:
    """Return whether this account can leave a note."""
    folder = place_of(root)
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
