"""Durable files, links and exclusive renames; each function takes ``windows`` so that both branches are tested."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from itertools import islice
from pathlib import Path

from pywats_archive.portable import names

WINDOWS = names.WINDOWS
NAME_MAX_BYTES = 255

_RESERVED = 0o1300
"""The mode of an empty folder that reserves a name; no other folder has it."""
_NAME_SURROGATE = 0x2000_0000
"""The bit of a reparse tag that marks a name for another file (Microsoft: reparse point tags)."""
_TOO_MANY_LINKS = 1142
"""NTFS' error for a file with 1024 names (Microsoft: ERROR_TOO_MANY_LINKS); Python has no errno for it."""
_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM}
_CANNOT_ALLOCATE = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_CANNOT_LINK = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES}
_CANNOT_RENAME_SO = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM}
_SYNCED_AT_ONCE, _SYNCED_TOGETHER = 8, 1000
_AT_FDCWD, _RENAME_NOREPLACE = -100, 1
"""linux/fcntl.h and linux/fs.h."""


def says_no_links(error: OSError) -> bool:
    """Return whether an error means that the file system has no hard links, rather than too many of one file."""
    if error.errno == errno.EMLINK or getattr(error, "winerror", None) == _TOO_MANY_LINKS:
        return False
    return error.errno in {*_CANNOT_LINK, errno.EINVAL}


def read_small(path: Path, *, most_bytes: int = 10_000_000, windows: bool = WINDOWS) -> bytes:
    """Read a small file whole; OSError if it is not a regular file, or has more bytes, since some devices never end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "is not a regular file", os.fspath(path))
    with names.patiently(lambda: path.open("rb"), windows=windows) as stream:  # another process may be replacing it
        content = stream.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"has more than {most_bytes} bytes", os.fspath(path))
    return content


def is_link(path: Path | str, *, windows: bool = WINDOWS) -> bool:
    """Return whether a path is a symbolic link, or a junction (Windows). OSError if it does not exist."""
    status = os.lstat(path)
    return stat.S_ISLNK(status.st_mode) or (windows and bool(getattr(status, "st_reparse_tag", 0) & _NAME_SURROGATE))


def sync_folder(folder: Path | str, *, windows: bool = WINDOWS) -> bool:
    """Make the names in ``folder`` durable; False where the file system cannot (Windows, some shares)."""
    if windows:
        return False
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno in _CANNOT_SYNC:
            return False
        raise
    finally:
        os.close(descriptor)
    return True


def rename_exclusive(source: Path | str, target: Path | str, *, windows: bool = WINDOWS) -> None:
    """Rename the file ``source`` to ``target`` on the same file system; FileExistsError when it is taken.

    POSIX: a hard link, then the old name goes; where there are no hard links, a rename that never replaces (Linux), or an
    empty file that reserves the name and is replaced. Windows: a rename fails by itself when the name is taken. Safe to
    repeat after a crash between the two: a name that is this very file's already counts as given.
    """
    if windows:
        names.rename(source, target, windows=windows)
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if not _is_half_renamed(source, target):
            raise
        names.unlink(source)
    except OSError as exc:
        if exc.errno not in _CANNOT_LINK:
            raise
        if not _renamed_without_replacing(source, target):
            _rename_over_reservation(source, target)
    else:
        unlink_or_undo(source, target)


def _is_half_renamed(source: Path | str, target: Path | str) -> bool:
    """Return whether both are names of one file in different folders; one name reached by two paths does not count."""
    old, new = os.lstat(source), os.lstat(target)
    is_one_file = os.path.samestat(old, new) and new.st_nlink > 1
    return is_one_file and not Path(source).parent.samefile(Path(target).parent)


def _renamed_without_replacing(source: Path | str, target: Path | str) -> bool:
    """Rename in one step; False where the system or the file system cannot. FileExistsError when the name is taken.

    Another program's file that comes to the name meanwhile is not replaced, as it would be over a reservation.
    """
    rename = _renameat2()
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), _RENAME_NOREPLACE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT_RENAME_SO:
        return False
    raise OSError(number, os.strerror(number), os.fspath(source), None, os.fspath(target))


@cache
def _renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """Return Linux' rename with flags (renameat2(2)), if the C library has it."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return function


def _rename_over_reservation(source: Path | str, target: Path | str) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        names.replace(source, target)
    except OSError:
        names.unlink(target)
        raise


def unlink_or_undo(
    source: Path | str,
    target: Path | str,
    *,
    unlink: Callable[[], object] | None = None,
    made: os.stat_result | None = None,
    windows: bool = WINDOWS,
) -> None:
    """Remove the old name, or have ``unlink`` remove it; if that fails, remove the new one, so that no try leaves a copy.

    If another process removed the old name, the new one stays. A file that another process put under the new name stays too:
    only ``made`` is removed, or without it, the file that also has the old name.
    """
    try:
        if unlink:
            unlink()
        else:
            names.unlink(source, windows=windows)
    except FileNotFoundError:
        return
    except OSError:
        with suppress(FileNotFoundError):
            if os.path.samestat(os.lstat(target), made or os.lstat(source)):
                names.unlink(target, windows=windows)
        raise


def rename_folder_exclusive(source: Path, target: Path, *, windows: bool = WINDOWS) -> None:
    """Rename a folder on the same file system; FileExistsError when it is taken.

    POSIX: an empty folder reserves the name and is replaced; its mode shows that it is a reservation that a crash left.
    """
    if windows and target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    if not windows:
        try:
            target.mkdir(mode=_RESERVED)
        except FileExistsError:
            if not _is_reservation(target):
                raise
    try:
        names.rename(source, target, windows=windows)
    except OSError as exc:
        if not windows:
            with suppress(OSError):
                names.rmdir(target)
        if exc.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from exc
        raise


def _is_reservation(folder: Path) -> bool:
    return stat.S_ISDIR(mode := folder.lstat().st_mode) and stat.S_IMODE(mode) == _RESERVED


def replace_durably(path: Path, content: bytes, *, partial: Path) -> None:
    """Write a small file in place of an earlier one, durably; ``partial`` is its name until it is whole.

    OSError leaves no partial file.
    """
    try:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        names.replace(partial, path)
        sync_folder(path.parent)
    except OSError:
        with suppress(OSError):
            names.unlink(partial, missing_ok=True)
        raise


def sync_tree(folder: Path, *, windows: bool = WINDOWS) -> None:
    """Make every file and name below ``folder`` durable.

    Several files at once: a journal commits them together. 1,000 small files take 0.2 s then, one by one 2.1 s (ext4).
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (seldom needed)

    sync = partial(sync_file, windows=windows)
    with ThreadPoolExecutor(_SYNCED_AT_ONCE) as pool:
        for parent, _, found in os.walk(folder):
            paths = (Path(parent, name) for name in found)
            while some := list(islice(paths, _SYNCED_TOGETHER)):
                for _ in pool.map(sync, some):
                    pass
            sync_folder(Path(parent), windows=windows)


def sync_file(path: Path, *, windows: bool = WINDOWS) -> None:
    """Make the bytes of a written file durable, even of a read-only one."""
    if path.is_symlink():
        return
    descriptor = _opened_for_writing(path) if windows else os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _opened_for_writing(path: Path) -> int:
    """Open a file as Windows needs it for a flush."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & stat.S_IWRITE:
        return os.open(path, os.O_RDWR)
    path.chmod(mode | stat.S_IWRITE)
    try:
        return os.open(path, os.O_RDWR)
    finally:
        path.chmod(mode)


def allocate(descriptor: int, size_bytes: int) -> None:
    """Allocate ``size_bytes`` on disk for an open file; OSError if there is no space.

    Where the system cannot allocate, random bytes are written, which no file system can compress or share.
    """
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    except AttributeError:  # Windows, macOS
        _fill(descriptor, size_bytes)
    except OSError as exc:
        if exc.errno not in _CANNOT_ALLOCATE:
            raise
        _fill(descriptor, size_bytes)


def _fill(descriptor: int, size_bytes: int) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    while size_bytes > 0:
        size_bytes -= os.write(descriptor, os.urandom(min(size_bytes, 1 << 20)))


def latest_change_ns(status: os.stat_result) -> int:
    """Return when a file's bytes, rights or names last changed; on Windows when it was created or last written to."""
    return max(status.st_ctime_ns, status.st_mtime_ns)


def ctime_ns(status: os.stat_result, *, windows: bool = WINDOWS) -> int | None:
    """Return when a file's bytes, rights or names last changed; on Windows, where it is the creation time, None."""
    return None if windows else status.st_ctime_ns
