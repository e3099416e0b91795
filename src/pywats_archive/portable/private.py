"""Files that only this account may read: by mode, or by an access control list on Windows."""

from __future__ import annotations

import stat
from pathlib import Path

from pywats_archive.portable.files import WINDOWS
from pywats_archive.portable.windows import rights


def keep_private(path: Path, *, windows: bool = WINDOWS, run: rights.Run = rights.run) -> None:
    """Take a new file or folder from all other accounts, where its mode has not done so; OSError if that fails."""
    if windows:
        rights.keep_private(path, run=run)


def others_who_may_read(path: Path, *, windows: bool = WINDOWS, run: rights.Run = rights.run) -> tuple[str, ...]:
    """Name the other accounts that may read a file; OSError if the system does not say.

    A group that a file was given to (POSIX) may read the file, and is not named.
    """
    if windows:
        return rights.others_who_may_read(path, run=run)
    is_reachable = all(parent.stat().st_mode & stat.S_IXOTH for parent in path.absolute().parents)
    return ("everyone",) if is_reachable and path.stat().st_mode & stat.S_IROTH else ()


def others_who_may_write(folder: Path, *, windows: bool = WINDOWS, run: rights.Run = rights.run) -> tuple[str, ...]:
    """Name the other accounts that may put files into a folder; OSError if the system does not say.

    A group that a folder was given to (POSIX) may write to it, and is not named.
    """
    if windows:
        return rights.others_who_may_write(folder, run=run)
    return ("everyone",) if folder.stat().st_mode & stat.S_IWOTH else ()
