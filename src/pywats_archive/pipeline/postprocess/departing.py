"""A source that leaves its folder: compared and moved while no program can replace it (invariants 2 and 3)."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import late, leaving, reading
from pywats_archive.config import ConverterConfig
from pywats_archive.errors import SourceVanished, StorageError
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.portable import files, moving, volumes
from pywats_archive.portable.placing import free_names


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """A source that is to leave, with its state when it was archived."""

    path: Path
    size_bytes: int
    mtime_ns: int
    inode: int | None = None
    ctime_ns: int | None = None
    config: ConverterConfig
    archive: Archive | None = None
    entry: ArchiveEntry | None = None


def source_of(
    config: ConverterConfig, arrival: Arrival, archive: Archive | None = None, entry: ArchiveEntry | None = None
) -> SourceFile:
    """Return the source of an arrival; with ``entry``, its copy in ``archive`` is checked before the source is removed."""
    return SourceFile(
        path=Path(arrival.moved_to or arrival.path),
        size_bytes=arrival.size_bytes,
        mtime_ns=arrival.mtime_ns,
        inode=arrival.inode,
        ctime_ns=arrival.ctime_ns,
        config=config,
        archive=archive if entry else None,
        entry=entry,
    )


class Replaced(Exception):
    """Another source is in the place of the one that is to leave."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Departing:
    """A source under its private name."""

    source: SourceFile
    path: Path
    """Its private path."""
    touched: FileStamp | None
    """Its new stamp, if its time changed and its bytes did not."""

    @property
    def name(self) -> str:
        """Its name in its folder, and where it goes."""
        return self.source.path.name

    def move_into(self, folder: Path) -> Path:
        """Move it into ``folder``, under its own name or the first free one; StorageError when that fails."""
        return move_into(folder, self.path, name=self.name)


@contextmanager
def departing(source: SourceFile) -> Iterator[Departing]:
    """Rename a source to its private name while it is moved or removed; an error renames it back.

    Replaced if another source is there, which stays or goes back there. SourceVanished if there is none. After a crash the
    next try continues with the source under the private name. If a new source has its own name when it is to go back, it waits
    under the private one for the next try.
    """
    with leaving.alone(source.path):
        departure = _claimed(source)
        try:
            yield departure
        except BaseException:
            _give_back(departure.path, source.path)
            raise


def touched_stamp(source: SourceFile) -> FileStamp | None:
    """Return the stamp of a source that stays, as ``Departing.touched``; Replaced if it is another one."""
    return _touched(source, source.path, _examined(source.path))


def move_into(folder: Path, path: Path, *, name: str | None = None) -> Path:
    """Move a file or folder into ``folder``, under ``name`` or the first free one like it; StorageError when that fails.

    ``name`` is its own by default.
    """
    name = name or path.name
    try:
        try:
            return _to_free_name(path, folder, name)
        except FileNotFoundError:
            folder.mkdir(parents=True, exist_ok=True)
            return _to_free_name(path, folder, name)
    except OSError as exc:
        lies_at = path.with_name(name)
        raise StorageError(
            f"{lies_at}: cannot be moved to {folder} ({exc.strerror or exc}); it stays where it is"
        ) from exc


def _to_free_name(path: Path, folder: Path, name: str) -> Path:
    for free in free_names(name):
        with suppress(FileExistsError):
            move(path, target := folder / free)
            return target
    raise AssertionError("unreachable: names never run out")


def move(path: Path, target: Path) -> None:
    """Move a file or folder to a name; FileExistsError when it is taken."""
    if path.is_dir():
        moving.move_folder_exclusive(path, target)
    else:
        moving.move_file_exclusive(path, target)


_Look = tuple[SourceKind, FileStamp]


def _claimed(source: SourceFile) -> Departing:
    """Compare a source, give it a private name, and compare it again."""
    try:
        look = _examined(source.path)
        touched = _touched(source, source.path, look)
    except (Replaced, SourceVanished):
        if left := _left(source):
            return left
        raise
    private = _free_name(source.path)
    leaving.claim(source.path, private)
    try:
        return Departing(source=source, path=private, touched=_compared_again(source, private, look, touched))
    except BaseException:
        _give_back(private, source.path)
        raise


def _left(source: SourceFile) -> Departing | None:
    """Return the source if a crash left it under a private name, or an error while another source had its name."""
    for private in filter(os.path.lexists, leaving.private_names(source.path)):
        with suppress(Replaced, SourceVanished):
            look = _examined(private)
            touched = _touched(source, private, look)
            if look[0] is SourceKind.FOLDER:
                _require_same_folder(source, private, source.inode)
            return Departing(source=source, path=private, touched=touched)
    return None


def _free_name(path: Path) -> Path:
    for private in leaving.private_names(path):
        if not os.path.lexists(private):
            return private
    raise OSError(errno.EBUSY, "other sources wait for its name", str(path))


def _give_back(private: Path, path: Path) -> None:
    """Rename a source back to its own name; if that fails, the next try or scan repeats it."""
    with suppress(OSError):
        leaving.give_back(private, path)


def _compared_again(source: SourceFile, private: Path, look: _Look, touched: FileStamp | None) -> FileStamp | None:
    """Raise Replaced if what has the private name is not what was compared before; return its new stamp, if it has one."""
    kind, before = look
    if kind is SourceKind.FOLDER:
        _require_same_folder(source, private, before.inode)
        return touched
    now = private.lstat()
    if stat.S_ISREG(now.st_mode) and before.is_unchanged(reading.file_stamp(now)):
        return touched
    return _touched(source, private, _examined(private))


def _require_same_folder(source: SourceFile, private: Path, inode: int | None) -> None:
    """Raise Replaced if there is another folder, which has another inode number, and files that the archive lacks."""
    if files.is_link(private) or not private.is_dir():
        raise Replaced
    now = private.lstat().st_ino or None
    if inode is None or now is None or inode == now:
        return
    if source.archive is None or source.entry is None:
        if _keeps_inodes(private):
            raise Replaced
    elif late.missing_members(source.archive, source.entry, private):
        raise Replaced


def _examined(path: Path) -> _Look:
    try:
        return reading.examine(path)
    except SourceVanished:
        raise
    except StorageError as exc:  # a link, or a device
        raise Replaced from exc


def _touched(source: SourceFile, path: Path, look: _Look) -> FileStamp | None:
    """Return the stamp of what is at ``path`` if its time, rights or inode differ and its bytes do not; Replaced if they do.

    Its bytes are read only if something else differs. A folder may lose its marker while it is converted; files that it
    gained are found when it leaves.
    """
    kind, now = look
    is_other = source.entry and kind is not source.entry.source_kind
    if is_other or (kind is SourceKind.FOLDER and files.is_link(path)):
        raise Replaced
    if kind is SourceKind.FOLDER or _is_untouched(source, path, now):
        return None
    archived = source.entry.source_checksum if source.entry else None
    if now.size_bytes != source.size_bytes or reading.checksum(path) != archived:
        raise Replaced
    return now


def _is_untouched(source: SourceFile, path: Path, now: FileStamp) -> bool:
    """Whether the stamp is unchanged; without archived bytes to compare, ``ctime_ns`` is ignored, since rights may change.

    Without archived bytes, another inode number under a private name counts only where the file system has stable ones: on
    others the rename to that name may have changed it.
    """
    known = (
        (source.size_bytes, now.size_bytes),
        (source.mtime_ns, now.mtime_ns),
        (source.inode, now.inode),
        (source.ctime_ns if source.entry else None, now.ctime_ns),
    )
    differing = [pair for pair in known if None not in pair and pair[0] != pair[1]]
    if differing == [(source.inode, now.inode)] and path != source.path:
        return source.entry is None and not _keeps_inodes(path)
    return not differing


def _keeps_inodes(path: Path) -> bool:
    system = volumes.file_system(path.parent)
    return system is None or system.keeps_inodes
