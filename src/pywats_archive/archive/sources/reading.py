"""Reading a source as a stream of bytes: a file as it is, a folder or companions as a deterministic tar."""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.blobs.reading import measure
from pywats_archive.errors import SourceChanged, SourceVanished, StorageError
from pywats_archive.models.entry import SourceKind
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.models.time import FIRST_NS, LAST_NS
from pywats_archive.portable import files as portable

CHUNK_BYTES = 1 << 20
_BLOCK = tarfile.BLOCKSIZE
_READ_ONLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def file_stamp(status: os.stat_result) -> FileStamp:
    """Return the stamp of a file from its status."""
    inode, ctime_ns = status.st_ino or None, portable.ctime_ns(status)
    if FIRST_NS <= status.st_mtime_ns <= LAST_NS:  # a listing makes one of each file
        return FileStamp(size_bytes=status.st_size, mtime_ns=status.st_mtime_ns, inode=inode, ctime_ns=ctime_ns)
    return FileStamp.of(status.st_size, status.st_mtime_ns, inode=inode, ctime_ns=ctime_ns)


Look = tuple[SourceKind, FileStamp]
"""The kind and stamp of a source at a path."""


def examine(path: Path) -> tuple[SourceKind, FileStamp]:
    """Return the kind and stamp of the source at ``path``.

    SourceVanished if there is nothing, StorageError if it is neither a file nor a folder.
    """
    status = _lstat(path)
    if stat.S_ISREG(status.st_mode):
        return SourceKind.FILE, file_stamp(status)
    if stat.S_ISDIR(status.st_mode):
        return SourceKind.FOLDER, _folder_stamp(path, status)
    raise StorageError(f"{path}: is neither a file nor a folder; it is never opened, remove it or copy what it names")


def stamp_of(path: Path) -> FileStamp:
    """Return the stamp of a file or of a whole folder."""
    return examine(path)[1]


def files_of(path: Path) -> Iterator[Path]:
    """Stream the regular files of a source: itself, or those in the folder; nothing if it is gone."""
    if not path.is_dir() or path.is_symlink():
        yield path
        return
    for parent, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError):
                if stat.S_ISREG(os.lstat(Path(parent, name)).st_mode):
                    yield Path(parent, name)


def _folder_stamp(path: Path, status: os.stat_result) -> FileStamp:
    members = [_lstat(member) for member in _members(path)]
    files = [m for m in members if stat.S_ISREG(m.st_mode)]
    latest_ns = max(m.st_mtime_ns for m in (*members, status))
    size_bytes = sum(m.st_size for m in files)
    return FileStamp.of(size_bytes, latest_ns, file_count=len(files), inode=status.st_ino or None)


def read_file(path: Path, *, expected: FileStamp | None = None) -> Iterator[bytes]:
    """Stream a regular file; SourceChanged if it changes meanwhile, or is not as ``expected``."""
    try:
        descriptor = os.open(path, _READ_ONLY)
    except FileNotFoundError as exc:
        raise SourceVanished(f"{path}: gone before it could be archived") from exc
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise StorageError(f"{path}: not a regular file; it is never read")
        if expected and not expected.is_unchanged(file_stamp(before)):
            raise SourceChanged(f"{path}: changed before it was read; it is read again once it stops changing")
        size = 0
        while chunk := os.read(descriptor, min(CHUNK_BYTES, max(before.st_size - size, 0) + 1)):
            size += len(chunk)
            yield chunk
            if size == before.st_size:
                break
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if (size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceChanged(f"{path}: changed while it was read; it is read again once it stops changing")


def read_folder(path: Path) -> Iterator[bytes]:
    """Stream a folder as a tar; its bytes depend only on names, contents and times."""
    return read_tar(path, _members(path))


def read_tar(
    base: Path, members: Iterable[Path], *, on_file: Callable[[TarredFile], None] | None = None
) -> Iterator[bytes]:
    """Stream ``members`` as a tar with names relative to ``base``; links are kept as links, never followed.

    ``on_file`` is called with each regular file after its bytes.
    """
    for member in members:
        yield from _member(member, member.relative_to(base).as_posix(), on_file)
    yield bytes(2 * _BLOCK)


@dataclass(frozen=True, kw_only=True, slots=True)
class TarredFile:
    """One regular file that went into a tar."""

    name: str
    size_bytes: int
    sha256: str
    mtime_ns: int


def _member(path: Path, name: str, on_file: Callable[[TarredFile], None] | None) -> Iterator[bytes]:
    status = _lstat(path)
    info = _tar_info(path, name, status)
    if info is None:
        return
    yield info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    if not info.isreg():
        return
    size, digest = 0, hashlib.sha256()
    for chunk in read_file(path):
        size += len(chunk)
        digest.update(chunk)
        yield chunk
    if size != info.size:
        raise SourceChanged(f"{path}: changed while it was read; it is read again once it stops changing")
    yield bytes(-size % _BLOCK)
    if on_file:
        on_file(TarredFile(name=name, size_bytes=size, sha256=digest.hexdigest(), mtime_ns=status.st_mtime_ns))


def _tar_info(path: Path, name: str, status: os.stat_result) -> tarfile.TarInfo | None:
    info = tarfile.TarInfo(name)
    info.mode = stat.S_IMODE(status.st_mode)
    info.mtime = status.st_mtime_ns // 1_000_000_000
    info.pax_headers = {"mtime": f"{info.mtime}.{status.st_mtime_ns % 1_000_000_000:09d}"}
    if stat.S_ISREG(status.st_mode):
        info.size = status.st_size
    elif stat.S_ISDIR(status.st_mode):
        info.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)  # noqa: PTH115 (keeps the text as it is)
    else:
        return None
    return info


def _members(folder: Path) -> list[Path]:
    """Return everything in a folder; OSError if a part of it cannot be listed."""
    found = []
    for parent, folders, names in os.walk(folder, onerror=_raise):
        found += [Path(parent, name) for name in (*folders, *names)]
    return sorted(found)


def _raise(trouble: OSError) -> None:
    raise trouble


def _lstat(path: Path) -> os.stat_result:
    try:
        return path.lstat()
    except FileNotFoundError as exc:
        raise SourceVanished(f"{path}: gone before it could be archived") from exc


def checksum_of(content: bytes) -> str:
    """Return the checksum of bytes, as an entry or a report has it."""
    return measure([content]).checksum


def checksum(path: Path) -> str:
    """Return a file's checksum with the name of its algorithm."""
    return measure(read_file(path)).checksum
