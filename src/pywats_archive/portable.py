"""What differs between operating systems, in one place; each function takes ``windows`` so that both branches are tested."""

from __future__ import annotations

import ctypes
import errno
import filecmp
import os
import re
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywats_archive.kernel32 import kernel32, last_error

WINDOWS = os.name == "nt"
NAME_MAX_BYTES = 255

_NICE, _BELOW_NORMAL = 15, 0x4000
"""What is given way to: nice(1), and BELOW_NORMAL_PRIORITY_CLASS of SetPriorityClass."""
_CLUSTER_BYTES = 4096
"""NTFS' default up to 16 TB (Microsoft: default cluster size for NTFS)."""
_BLOCK_BYTES = 512
"""What ``st_blocks`` counts, whatever the file system's own block is (stat(2))."""
_RESERVED = 0o1300
"""The mode of an empty folder that reserves a name: one that nobody gives a folder of their own."""
_NAME_SURROGATE = 0x2000_0000
"""The bit of a reparse tag that says that a name stands for another one (Microsoft: reparse point tags)."""
_TOO_MANY_LINKS = 1142
"""What NTFS says of a file that has 1024 names (Microsoft: ERROR_TOO_MANY_LINKS); Python has no errno for it."""
_COARSEST_CLOCK_S = 2.0
"""How far apart two file systems may date the same file (FAT)."""

_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM}
_CANNOT_ALLOCATE = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_CANNOT_LINK = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES}


def says_no_links(error: OSError) -> bool:
    """Whether the file system has no hard links, by what it said; that one file has too many of them is no such answer."""
    if error.errno == errno.EMLINK or getattr(error, "winerror", None) == _TOO_MANY_LINKS:
        return False
    return error.errno in {*_CANNOT_LINK, errno.EINVAL}


def read_small(path: Path, *, most_bytes: int = 10_000_000) -> bytes:
    """Read a small file whole; OSError says so where it is no regular file, or has more bytes: some devices never end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "is no regular file", os.fspath(path))
    with path.open("rb") as stream:
        content = stream.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"has more than {most_bytes} bytes", os.fspath(path))
    return content


def is_link(path: Path | str, *, windows: bool = WINDOWS) -> bool:
    """Whether a name stands for another place: a symbolic link, or a junction (Windows). OSError when it is not there."""
    status = os.lstat(path)
    return stat.S_ISLNK(status.st_mode) or (windows and bool(getattr(status, "st_reparse_tag", 0) & _NAME_SURROGATE))


def is_locked(path: Path | str, *, windows: bool = WINDOWS) -> bool:
    """Whether another process has a lock (flock) on a file that this one may only read; False where that cannot be asked."""
    if windows:
        return False
    import fcntl  # noqa: PLC0415 (there is none on Windows)

    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as exc:
        return exc.errno in (errno.EAGAIN, errno.EACCES)
    finally:
        os.close(descriptor)
    return False


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
    """Give the file ``source`` the name ``target`` on the same file system; FileExistsError when it is taken.

    POSIX: a hard link, then the old name goes; where there are no hard links, an empty file reserves the
    name and is replaced. Windows: a rename fails by itself when the name is taken. Safe to repeat after a crash
    between the two: a name that is this very file's already counts as given.
    """
    if windows:
        os.rename(source, target)  # noqa: PTH104 (Path.rename replaces on POSIX, and tests inject the platform)
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if not _is_half_renamed(source, target):
            raise
        os.unlink(source)  # noqa: PTH108
    except OSError as exc:
        if exc.errno not in _CANNOT_LINK:
            raise
        _rename_over_reservation(source, target)
    else:
        _unlink_or_undo(source, target)


def _is_half_renamed(source: Path | str, target: Path | str) -> bool:
    """Tell whether both are names of one file, in two folders: a name that is reached by two paths is no second one."""
    old, new = os.lstat(source), os.lstat(target)
    is_one_file = os.path.samestat(old, new) and new.st_nlink > 1
    return is_one_file and not Path(source).parent.samefile(Path(target).parent)


def _rename_over_reservation(source: Path | str, target: Path | str) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        os.replace(source, target)  # noqa: PTH105
    except OSError:
        os.unlink(target)  # noqa: PTH108
        raise


def _unlink_or_undo(source: Path | str, target: Path | str) -> None:
    """Remove the old name; when it cannot go, the new one goes again, so that no try leaves a copy.

    When somebody else removed the old name, the new one is the only one, and stays.
    """
    try:
        os.unlink(source)  # noqa: PTH108 (takes strings: blobs go by in thousands)
    except FileNotFoundError:
        return
    except OSError:
        os.unlink(target)  # noqa: PTH108
        raise


Marks = dict[str, tuple[int, int]]
"""Size and time of each file of a source, as it was when it was looked at."""


def marks(source: Path) -> Marks:
    """Note what a file or folder holds, so that nothing else is removed for it; a link is noted, not what it names."""
    if not source.is_dir() or is_link(source):
        return {str(source): _mark(source)}
    return {str(path): _mark(path) for path in source.rglob("*") if path.is_symlink() or not path.is_dir()}


def remove_marked(source: Path, noted: Marks) -> None:
    """Remove a file or folder that is as it was noted; OSError when it is not, and what is new or has changed stays."""
    if not source.is_dir() or is_link(source):
        _remove_marked(source, noted)
        return
    for parent, folders, names in os.walk(source, topdown=False):
        for name in (*names, *(folder for folder in folders if Path(parent, folder).is_symlink())):
            _remove_marked(Path(parent, name), noted)
        Path(parent).rmdir()


def _remove_marked(path: Path, noted: Marks) -> None:
    if noted.get(str(path)) != _mark(path):
        raise OSError(errno.EBUSY, "it changed meanwhile", str(path))
    path.unlink()


def _mark(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_size, status.st_mtime_ns


def move_folder_exclusive(source: Path, target: Path, *, windows: bool = WINDOWS) -> None:
    """Move a folder to a name that is free; FileExistsError when it is taken. Crosses file systems by a durable copy.

    Safe to repeat after a crash: a name that was only reserved is free, and a folder that was copied is only removed.
    """
    if os.path.lexists(target):
        noted = marks(source)
        if _is_copied(source, target):
            remove_marked(source, noted)
            return
    try:
        rename_folder_exclusive(source, target, windows=windows)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        partial, noted = partial_of(source, target.parent), marks(source)
        discard(partial)
        shutil.copytree(source, partial, symlinks=True)
        sync_tree(partial, windows=windows)
        if marks(source) != noted:
            discard(partial)
            raise OSError(errno.EBUSY, "it changed while it was copied", str(source)) from exc
        rename_folder_exclusive(partial, target, windows=windows)
        sync_folder(target.parent, windows=windows)
        remove_marked(source, noted)


def rename_folder_exclusive(source: Path, target: Path, *, windows: bool = WINDOWS) -> None:
    """Give a folder a name on the same file system; FileExistsError when it is taken.

    POSIX: an empty folder reserves the name and is replaced; its mode tells a reservation that a crash left.
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
        source.rename(target)
    except OSError as exc:
        if not windows:
            with suppress(OSError):
                target.rmdir()
        if exc.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from exc
        raise


def _is_reservation(folder: Path) -> bool:
    return stat.S_ISDIR(mode := folder.lstat().st_mode) and stat.S_IMODE(mode) == _RESERVED


def partial_of(source: Path, folder: Path) -> Path:
    """Name what ``source`` is written to in ``folder`` before it has its name there.

    It is the same at each try, so that the next one can discard what a crash left.
    """
    status = source.lstat()
    return folder / f".{status.st_dev:x}-{status.st_ino:x}.part"


def discard(partial: Path) -> None:
    """Remove what an earlier try left half-written; nothing may be there."""
    if partial.is_dir() and not partial.is_symlink():
        shutil.rmtree(partial)
    else:
        partial.unlink(missing_ok=True)


def _is_copied(source: Path, target: Path) -> bool:
    """Tell whether ``target``, on another file system, holds ``source`` byte for byte: its copy, from before a crash."""
    if source.lstat().st_dev == target.lstat().st_dev:
        return False
    if not source.is_dir():
        return _is_same_file(source, target)
    files = (path for path in source.rglob("*") if not path.is_dir() or path.is_symlink())
    return target.is_dir() and all(_is_same_file(path, target / path.relative_to(source)) for path in files)


def _is_same_file(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink() or not other.is_file():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    is_as_old = abs(one.stat().st_mtime - other.stat().st_mtime) <= _COARSEST_CLOCK_S
    return is_as_old and filecmp.cmp(one, other, shallow=False)


def sync_tree(folder: Path, *, windows: bool = WINDOWS) -> None:
    """Make every file and name beneath ``folder`` durable."""
    for parent, _, names in os.walk(folder):
        for name in names:
            sync_file(Path(parent, name), windows=windows)
        sync_folder(Path(parent), windows=windows)


def sync_file(path: Path, *, windows: bool = WINDOWS) -> None:
    """Make the bytes of a file that is already written durable."""
    if path.is_symlink():
        return
    descriptor = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def allocate(descriptor: int, size_bytes: int) -> None:
    """Give an open file ``size_bytes`` that the disk really holds for it; OSError when there is no room.

    Where the system cannot allocate, bytes are written, such as no file system can compress or share.
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


def give_way(*, windows: bool = WINDOWS, kernel: Callable[[], Any] = kernel32) -> None:
    """Let this process, and those it starts from now on, have what others leave of the processors."""
    if windows:
        opened = kernel()
        opened.SetPriorityClass(opened.GetCurrentProcess(), _BELOW_NORMAL)
        return
    with suppress(OSError):
        os.nice(_NICE)


def allotted_bytes(status: os.stat_result, *, windows: bool = WINDOWS) -> int:
    """Give what the file system allots for a file: on Windows, which does not say, its length in clusters."""
    if windows:
        return -(-status.st_size // _CLUSTER_BYTES) * _CLUSTER_BYTES
    return status.st_blocks * _BLOCK_BYTES


def ctime_ns(status: os.stat_result, *, windows: bool = WINDOWS) -> int | None:
    """Return when a file's bytes, rights or names last changed; on Windows, where it is the time of its making, None."""
    return None if windows else status.st_ctime_ns


def move_file_exclusive(source: Path, target: Path, *, windows: bool = WINDOWS) -> None:
    """Move a file to a name that is free; FileExistsError when it is taken. Crosses file systems by a durable copy.

    Safe to repeat after a crash: a file that was copied is only removed.
    """
    try:
        rename_exclusive(source, target, windows=windows)
    except FileExistsError:
        noted = marks(source)
        if not _is_copied(source, target):
            raise
        discard(partial_of(source, target.parent))
        remove_marked(source, noted)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        noted = marks(source)
        _copy_exclusive(source, target, windows=windows)
        if os.path.lexists(source) and marks(source) != noted:
            target.unlink()
            raise OSError(errno.EBUSY, "it changed while it was copied", str(source)) from exc
        _unlink_or_undo(source, target)
    sync_folder(target.parent, windows=windows)


def _copy_exclusive(source: Path, target: Path, *, windows: bool) -> None:
    partial = partial_of(source, target.parent)
    discard(partial)
    try:
        shutil.copy2(source, partial)
        sync_file(partial, windows=windows)
        rename_exclusive(partial, target, windows=windows)
        sync_folder(target.parent, windows=windows)
    finally:
        partial.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSystem:
    """What a folder lies on; ``kind`` and ``options`` in lower case, as the operating system calls them."""

    kind: str
    mount_point: str
    source: str = ""
    options: frozenset[str] = frozenset()
    is_remote: bool = False

    @property
    def keeps_inodes(self) -> bool:
        """Whether a file has one number for good; some file systems number it anew at each mount, or at each look."""
        return self.kind in _WITH_INODES


_WITH_INODES = {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "tmpfs", "overlay", "nfs", "nfs4"}
_REMOTE = re.compile(
    r"nfs\d?|cifs|smb.*|9p|afs|ceph|lustre|glusterfs|virtiofs|fuse\.(sshfs|glusterfs|s3fs|rclone|davfs.*)|davfs"
)
_MOUNT_TABLE = Path("/proc/self/mountinfo")


def file_system(
    folder: Path | str,
    *,
    windows: bool = WINDOWS,
    mount_table: Callable[[], str] = _MOUNT_TABLE.read_text,
    kernel: Callable[[], Any] = kernel32,
) -> FileSystem | None:
    """Tell what ``folder`` lies on; None where the system does not say (no Linux, no Windows), OSError when it fails."""
    whole = os.path.realpath(folder)
    if windows:
        return _volume(whole, kernel)
    try:
        table = mount_table()
    except FileNotFoundError:
        return None
    found = [mount for mount in map(_mount, table.splitlines()) if _is_beneath(whole, mount.mount_point)]
    longest = max((len(mount.mount_point) for mount in found), default=0)
    return next((mount for mount in reversed(found) if len(mount.mount_point) == longest), None)


def _mount(line: str) -> FileSystem:
    """Read a line of mountinfo (proc_pid_mountinfo(5)): six fields, optional ones, a dash, three more."""
    left, _, right = line.partition(" - ")
    mount_point, options = left.split(" ")[4:6]
    kind, source, more = (*right.split(" "), "", "", "")[:3]
    kind = kind.lower()
    return FileSystem(
        kind=kind,
        mount_point=_unescaped(mount_point),
        source=_unescaped(source),
        options=frozenset(f"{options},{more}".lower().split(",")) - {""},
        is_remote=bool(_REMOTE.fullmatch(kind)),
    )


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), text)


def _is_beneath(path: str, mount_point: str) -> bool:
    return path == mount_point or path.startswith(mount_point.rstrip("/") + "/")


def _volume(path: str, kernel: Callable[[], Any]) -> FileSystem:
    """Ask Windows with GetVolumePathName, GetVolumeInformation and GetDriveType (4 is a network drive)."""
    opened = kernel()
    root, name = ctypes.create_unicode_buffer(32_768), ctypes.create_unicode_buffer(261)
    is_known = opened.GetVolumePathNameW(path, root, len(root)) and opened.GetVolumeInformationW(
        root, None, 0, None, None, None, name, len(name)
    )
    if not is_known:
        raise OSError(last_error(), "the volume cannot be asked", path)
    return FileSystem(kind=name.value.lower(), mount_point=root.value, is_remote=opened.GetDriveTypeW(root) == 4)
