"""Reading a source as a stream of bytes: a file as it is, a folder or companions as a deterministic tar."""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pywats_archive import portable
from pywats_archive.errors import SourceChanged, SourceVanished, StorageError
from pywats_archive.models.entry import SourceKind
from pywats_archive.models.time import FIRST_NS, LAST_NS, storable_ns

OWN_MTIME_NS = "own_mtime_ns"
"""The key of a source's header for its own time, where ``mtime_ns`` is only the nearest that the catalog can hold."""
CHUNK_BYTES = 1 << 20
_BLOCK = tarfile.BLOCKSIZE
_READ_ONLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """What tells two states of a source apart without reading it: size, latest mtime, number of files."""

    size_bytes: int
    mtime_ns: int
    """As the catalog can hold it (``storable_ns``)."""
    file_count: int = 1
    inode: int | None = field(default=None, compare=False)
    """None where the system does not say. Some file systems number a file differently at each look, so it does not compare."""
    ctime_ns: int | None = field(default=None, compare=False)
    """When the file's bytes, rights or names last changed; None where the system does not say."""
    own_mtime_ns: int | None = field(default=None, compare=False)
    """The time that the file system has, where the catalog cannot hold it."""

    @classmethod
    def of(
        cls,
        size_bytes: int,
        mtime_ns: int,
        *,
        file_count: int = 1,
        inode: int | None = None,
        ctime_ns: int | None = None,
    ) -> Signature:
        """Make the signature of what has this size and time, whatever that time is."""
        stored = storable_ns(mtime_ns)
        return cls(
            size_bytes=size_bytes,
            mtime_ns=stored,
            file_count=file_count,
            inode=inode,
            ctime_ns=ctime_ns,
            own_mtime_ns=None if stored == mtime_ns else mtime_ns,
        )


def file_signature(status: os.stat_result) -> Signature:
    """Return the signature of a file from its status."""
    inode, ctime_ns = status.st_ino or None, portable.ctime_ns(status)
    if FIRST_NS <= status.st_mtime_ns <= LAST_NS:  # a listing makes one of each file
        return Signature(size_bytes=status.st_size, mtime_ns=status.st_mtime_ns, inode=inode, ctime_ns=ctime_ns)
    return Signature.of(status.st_size, status.st_mtime_ns, inode=inode, ctime_ns=ctime_ns)


Look = tuple[SourceKind, Signature]
"""What lies at a path."""


def look_at(path: Path) -> tuple[SourceKind, Signature]:
    """Tell what lies at ``path`` and take its signature.

    SourceVanished when there is nothing, StorageError when it is neither file nor folder.
    """
    status = _lstat(path)
    if stat.S_ISREG(status.st_mode):
        return SourceKind.FILE, file_signature(status)
    if stat.S_ISDIR(status.st_mode):
        return SourceKind.FOLDER, _folder_signature(path, status)
    raise StorageError(f"{path}: is neither a file nor a folder; it is never opened, remove it or copy what it names")


def signature(path: Path) -> Signature:
    """Take the signature of a file or of a whole folder."""
    return look_at(path)[1]


def files_of(path: Path) -> Iterator[Path]:
    """Stream the regular files of a source: itself, or those in the folder; nothing when it is gone."""
    if not path.is_dir() or path.is_symlink():
        yield path
        return
    for parent, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError):
                if stat.S_ISREG(os.lstat(Path(parent, name)).st_mode):
                    yield Path(parent, name)


def is_same(one: Signature, other: Signature) -> bool:
    """Whether two signatures are of one file with the same bytes, as far as that can be told without reading it."""
    is_other_file = None not in (one.inode, other.inode) and one.inode != other.inode
    return one == other and not is_other_file


def _folder_signature(path: Path, status: os.stat_result) -> Signature:
    members = [_lstat(member) for member in _members(path)]
    files = [m for m in members if stat.S_ISREG(m.st_mode)]
    latest_ns = max(m.st_mtime_ns for m in (*members, status))
    size_bytes = sum(m.st_size for m in files)
    return Signature.of(size_bytes, latest_ns, file_count=len(files), inode=status.st_ino or None)


def read_file(path: Path, *, expected: Signature | None = None) -> Iterator[bytes]:
    """Stream a regular file; SourceChanged when it changes meanwhile, or is not as ``expected``."""
    try:
        descriptor = os.open(path, _READ_ONLY)
    except FileNotFoundError as exc:
        raise SourceVanished(f"{path}: gone before it could be archived") from exc
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise StorageError(f"{path}: not a regular file; it is never read")
        if expected and not is_same(expected, file_signature(before)):
            raise SourceChanged(f"{path}: changed before it was read; it is read again when it is quiet")
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
        raise SourceChanged(f"{path}: changed while it was read; it is read again when it is quiet")


def read_folder(path: Path) -> Iterator[bytes]:
    """Stream a folder as a tar whose bytes depend on names, contents and times alone."""
    return read_tar(path, _members(path))


def read_tar(
    base: Path, members: Iterable[Path], *, on_file: Callable[[TarredFile], None] | None = None
) -> Iterator[bytes]:
    """Stream ``members`` as a tar with names relative to ``base``; links are kept as links, never followed.

    ``on_file`` is told of each regular file once its bytes went by.
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
        raise SourceChanged(f"{path}: changed while it was read; it is read again when it is quiet")
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
    """Name all that lies in a folder; OSError when a part of it cannot be listed."""
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


def checksum(path: Path) -> str:
    """Give a file's checksum with the name of its algorithm."""
    digest = hashlib.sha256()
    for chunk in read_file(path):
        digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"
