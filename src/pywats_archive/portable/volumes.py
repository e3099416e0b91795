"""The file system that a folder is on: its kind, mount point and options, and the disk space of its files."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywats_archive.portable.files import WINDOWS
from pywats_archive.portable.windows.kernel32 import kernel32, last_error


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSystem:
    """A file system; ``kind`` and ``options`` as the operating system reports them, in lower case."""

    kind: str
    """Its type, such as ``ext4``."""
    mount_point: str
    """Where it is mounted."""
    source: str = ""
    """What is mounted: a device or share."""
    options: frozenset[str] = frozenset()
    """The mount options."""
    is_remote: bool = False
    """Whether it is on another computer."""

    @property
    def keeps_inodes(self) -> bool:
        """Whether a file keeps its inode number; some file systems change it at each mount or access."""
        return self.kind in _WITH_INODES


_WITH_INODES = {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "tmpfs", "overlay", "nfs", "nfs4"}
_REMOTE = re.compile(
    r"nfs\d?|cifs|smb.*|9p|afs|ceph|lustre|glusterfs|virtiofs|fuse\.(sshfs|glusterfs|s3fs|rclone|davfs.*)|davfs"
)
_BLOCK_BYTES = 512
"""What ``st_blocks`` counts, whatever the file system's own block is (stat(2))."""
_DEFAULT_CLUSTER_BYTES = 4096
"""NTFS' default up to 16 TB (Microsoft: default cluster size for NTFS)."""
_MOUNT_TABLE = Path("/proc/self/mountinfo")


def file_system(
    folder: Path | str,
    *,
    windows: bool = WINDOWS,
    mount_table: Callable[[], str] = _MOUNT_TABLE.read_text,
    kernel: Callable[[], Any] = kernel32,
) -> FileSystem | None:
    """Return the file system of ``folder``; None if the system does not report it (not Linux or Windows)."""
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


def allotted_bytes(
    status: os.stat_result, path: Path | str, *, windows: bool = WINDOWS, kernel: Callable[[], Any] = kernel32
) -> int:
    """Return what the file system allocates for the file at ``path``; on Windows, its length in whole clusters."""
    if not windows:
        return status.st_blocks * _BLOCK_BYTES
    cluster = _CLUSTERS.of(status.st_dev, path, kernel)
    return -(-status.st_size // cluster) * cluster


class _Clusters:
    """The size of a cluster in bytes, by device; Windows is asked once for each."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def of(self, device: int, path: Path | str, kernel: Callable[[], Any]) -> int:
        """Return the size for the device that ``path`` is on, or the default if Windows does not report it."""
        if device not in self._known:
            self._known[device] = _cluster_bytes(os.path.realpath(path), kernel())
        return self._known[device]


_CLUSTERS = _Clusters()


def _cluster_bytes(path: str, opened: Any) -> int:
    root = ctypes.create_unicode_buffer(32_768)
    sectors, sector_bytes = ctypes.c_uint32(), ctypes.c_uint32()
    is_known = opened.GetVolumePathNameW(path, root, len(root)) and opened.GetDiskFreeSpaceW(
        root, ctypes.byref(sectors), ctypes.byref(sector_bytes), None, None
    )
    return sectors.value * sector_bytes.value if is_known else _DEFAULT_CLUSTER_BYTES


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
        raise OSError(last_error(), "the volume cannot be queried", path)
    return FileSystem(kind=name.value.lower(), mount_point=root.value, is_remote=opened.GetDriveTypeW(root) == 4)
