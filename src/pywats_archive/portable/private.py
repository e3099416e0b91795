"""Files that only this account may read: by mode, or by an access control list on Windows."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pywats_archive.portable.files import WINDOWS, rename_exclusive, sync_folder
from pywats_archive.portable.names import unlink
from pywats_archive.portable.windows import rights


def keep_private(path: Path, *, windows: bool = WINDOWS, run: rights.Run = rights.run) -> None:
    """Take a new file or folder from all other accounts, where its mode has not done so; OSError if that fails."""
    if windows:
        rights.keep_private(path, run=run)


def create_private(path: Path, line: str, *, on_shared: Callable[[OSError], None] | None = None) -> None:
    """Create a file of one line, durably, that only this account may read; one that another process created meanwhile stays.

    OSError if that fails. ``on_shared`` gets the error if other accounts cannot be kept out, and the file is created then.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            try:
                keep_private(partial)
            except OSError as exc:
                if on_shared is None:
                    raise
                on_shared(exc)
            stream.write(f"{line}\n")
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            rename_exclusive(partial, path)
        sync_folder(path.parent)
    finally:
        unlink(partial, missing_ok=True)


def create_like(path: Path, content: bytes, *, model: Path, windows: bool = WINDOWS) -> None:
    """Create a file durably with the rights, and on POSIX the owner, of ``model``; OSError if that fails, or if it exists.

    If that fails, or is interrupted, nothing of it is left.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            _take_rights(path, model, windows=windows)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.utime(path)
        sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            unlink(path)
        raise


def _take_rights(path: Path, model: Path, *, windows: bool) -> None:
    if windows:
        if not others_who_may_read(model, windows=windows):
            keep_private(path, windows=windows)
        return
    wanted, own = model.stat(), path.stat()
    if (wanted.st_uid, wanted.st_gid) != (own.st_uid, own.st_gid):
        os.chown(path, wanted.st_uid, wanted.st_gid)
    shutil.copystat(model, path)


def others_who_may_read(path: Path, *, windows: bool = WINDOWS, run: rights.Run = rights.run) -> tuple[str, ...]:
    """Name the other accounts that may read a file; OSError if the system does not say.

    A group that a file was given to (POSIX) may read the file, and is not named.
    """
    if windows:
        return rights.others_who_may_read(path, run=run)
    is_reachable = all(parent.stat().st_mode & stat.S_IXOTH for parent in path.absolute().parents)
    return ("everyone",) if is_reachable and path.stat().st_mode & stat.S_IROTH else ()


def group_who_may_read(path: Path, *, windows: bool = WINDOWS) -> str | None:
    """Name the group that a file was given to (POSIX), if its members may read the file; OSError if the system does not say."""
    if windows:
        return None
    status = path.stat()
    folders = [parent.stat() for parent in path.absolute().parents]
    is_reachable = all(
        folder.st_mode & stat.S_IXOTH or (folder.st_mode & stat.S_IXGRP and folder.st_gid == status.st_gid)
        for folder in folders
    )
    if not (is_reachable and status.st_mode & stat.S_IRGRP):
        return None
    try:
        return path.group()
    except KeyError:  # it has no name on this computer
        return str(status.st_gid)


def others_who_may_write(folder: Path, *, windows: bool = WINDOWS, run: rights.Run = rights.run) -> tuple[str, ...]:
    """Name the other accounts that may put files into a folder; OSError if the system does not say.

    A group that a folder was given to (POSIX) may write to it, and is not named.
    """
    if windows:
        return rights.others_who_may_write(folder, run=run)
    return ("everyone",) if folder.stat().st_mode & stat.S_IWOTH else ()
