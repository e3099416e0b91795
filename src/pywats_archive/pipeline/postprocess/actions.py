"""Carrying out an ending: the source leaves the watch folder and never replaces another file (invariants 2 and 3)."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import late, reading
from pywats_archive.config import ConverterConfig
from pywats_archive.errors import BlobDamaged, BlobLocked, BlobMissing, SourceVanished, StorageError
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.pipeline.postprocess.decisions import Destination, Ending
from pywats_archive.pipeline.postprocess.zipping import new_zip, zip_of_earlier
from pywats_archive.portable import files, moving
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """Where a source is now; ``note`` says why it is not at its destination."""

    moved_to: str | None
    note: str | None = None
    touched: FileStamp | None = None
    """The new stamp of the source, if its time changed and its bytes did not."""
    lies_at: Path | None = None
    """Its path, if it still exists unchanged."""

    @property
    def is_replaced(self) -> bool:
        """Whether another source had its place, which was not touched."""
        return self.moved_to == _REPLACED


REMOVED, _REPLACED = "removed", "replaced"
_REPLACED_SOURCE = Moved(
    moved_to=_REPLACED,
    note="it was changed or replaced after it was archived; the file that is there now is processed as new",
)


def apply(ending: Ending, source: SourceFile) -> Moved:
    """Carry out ``ending`` on a source; safe to repeat. StorageError when the source cannot be moved."""
    if not os.path.lexists(source.path):
        is_kept = ending.destination is Destination.KEPT
        return Moved(moved_to=None) if is_kept else Moved(moved_to="gone", note="the source was already gone")
    try:
        touched = _touched(source)
        moved = _ACTIONS[ending.destination](source)
        if ending.clean_leftovers and source.archive and source.entry and moved.moved_to == REMOVED:
            _clean_leftovers(source.archive, source.entry, Path(source.config.done_folder))
    except _Replaced:
        return _REPLACED_SOURCE
    except OSError as exc:
        raise StorageError(f"{source.path}: cannot be moved ({exc.strerror or exc}); it stays where it is") from exc
    return replace(moved, touched=touched) if touched else moved


class _Replaced(Exception):
    """Another source is in the place of the one that is to leave."""


def bring_back(pending: Path, path: Path) -> bool:
    """Move a suspended source from Pending back to its path; False while another source has its name."""
    try:
        _move(pending, path)
    except FileExistsError:
        return False
    except OSError as exc:
        raise StorageError(f"{pending}: cannot be brought back to {path} ({exc.strerror or exc})") from exc
    return True


def _move_to(name_of_folder: str) -> Callable[[SourceFile], Moved]:
    def act(source: SourceFile) -> Moved:
        folder = Path(getattr(source.config, name_of_folder))
        target = move_into(folder, source.path)
        return Moved(moved_to=str(target), lies_at=target)

    return act


def move_into(folder: Path, path: Path) -> Path:
    """Move a file or folder into ``folder``, under its own name or the first free one; StorageError when it cannot be moved."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in free_names(path.name):
            with suppress(FileExistsError):
                _move(path, folder / name)
                return folder / name
    except OSError as exc:
        raise StorageError(
            f"{path}: cannot be moved to {folder} ({exc.strerror or exc}); it stays where it is"
        ) from exc
    raise AssertionError("unreachable: names never run out")


def _move(path: Path, target: Path) -> None:
    if path.is_dir():
        moving.move_folder_exclusive(path, target)
    else:
        moving.move_file_exclusive(path, target)


def _remove(source: SourceFile) -> Moved:
    return _remove_noted(source, moving.marks(source.path))


def _remove_noted(source: SourceFile, marks: moving.Marks) -> Moved:
    if source.archive and source.entry and source.entry.source_archived_path:
        if source.path.is_file() and reading.checksum(source.path) != source.entry.source_checksum:
            return _REPLACED_SOURCE
        try:
            _prove_archived(source.archive, source.entry, source.path)
        except (BlobDamaged, BlobLocked, BlobMissing, _NotInArchive) as exc:
            target = move_into(Path(source.config.done_folder), source.path)
            return Moved(moved_to=str(target), note=f"kept in Done, not removed: {exc}", lies_at=target)
    moving.remove_marked(source.path, marks)
    files.sync_folder(source.path.parent)
    return Moved(moved_to=REMOVED)


class _NotInArchive(Exception):
    pass


def _prove_archived(archive: Archive, entry: ArchiveEntry, path: Path) -> None:
    """Read the whole blob back; for a folder, each of its files must be in the blob in its current state."""
    archive.blobs.check(entry.source_archived_path, entry.source_checksum)
    if entry.source_kind is not SourceKind.FOLDER:
        return
    if missing := late.missing_members(archive, entry, path):
        raise _NotInArchive(f"{missing[0]} is not in the archive as it is now")


def _zip(source: SourceFile) -> Moved:
    folder, path = Path(source.config.done_folder), source.path
    marks = moving.marks(path)
    folder.mkdir(parents=True, exist_ok=True)
    partial = moving.partial_of(path, folder)
    moving.discard(partial)
    target = zip_of_earlier(path, folder) or new_zip(path, folder, partial)
    files.sync_folder(folder)
    removed = _remove_noted(source, marks)
    return replace(removed, moved_to=str(target))


def _clean_leftovers(archive: Archive, entry: ArchiveEntry, folder: Path) -> None:
    """Remove from Done the files that the ledger has for this entry, if they are identical to its source.

    Other files of the same name and content may belong to another converter, or to a person.
    """
    if entry.source_kind is not SourceKind.FILE:
        return
    for leftover in map(Path, ledger.departed_to(archive, entry.archive_id)):
        is_file = leftover.parent == folder and leftover.is_file() and not leftover.is_symlink()
        if not is_file or leftover.stat().st_size != entry.source_size_bytes:
            continue
        marks = moving.marks(leftover)
        if reading.checksum(leftover) == entry.source_checksum:
            moving.remove_marked(leftover, marks)


def is_as_it_was(source: SourceFile) -> bool:
    """Whether a source is still there, unchanged."""
    try:
        return os.path.lexists(source.path) and _touched(source) is None
    except _Replaced:
        return False


def _touched(source: SourceFile) -> FileStamp | None:
    """Return the source's stamp if its time, rights or inode changed and its bytes did not; _Replaced if they did.

    Its bytes are read only if something else differs. A folder may lose its marker while it is converted; files that it
    gained are found when it leaves.
    """
    try:
        kind, now = reading.examine(source.path)
    except SourceVanished:
        raise
    except StorageError as exc:  # a link, or a device
        raise _Replaced from exc
    is_other = source.entry and kind is not source.entry.source_kind
    if is_other or (kind is SourceKind.FOLDER and files.is_link(source.path)):
        raise _Replaced
    if kind is SourceKind.FOLDER or _is_untouched(source, now):
        return None
    archived = source.entry.source_checksum if source.entry else None
    if now.size_bytes != source.size_bytes or reading.checksum(source.path) != archived:
        raise _Replaced
    return now


def _is_untouched(source: SourceFile, now: FileStamp) -> bool:
    """Whether the stamp is unchanged; without archived bytes to compare, ``ctime_ns`` is ignored, since rights may change."""
    known = (
        (source.size_bytes, now.size_bytes),
        (source.mtime_ns, now.mtime_ns),
        (source.inode, now.inode),
        (source.ctime_ns if source.entry else None, now.ctime_ns),
    )
    return all(None in pair or pair[0] == pair[1] for pair in known)


def _keep(source: SourceFile) -> Moved:
    """Leave the source where it is: in Pending, if another source has its name in the watch folder."""
    if source.path.parent == Path(source.config.pending_folder):
        return Moved(moved_to=str(source.path), note="kept in Pending: its place in the watch folder is taken")
    return Moved(moved_to=None)


_ACTIONS: dict[Destination, Callable[[SourceFile], Moved]] = {
    Destination.DONE: _move_to("done_folder"),
    Destination.ERROR: _move_to("error_folder"),
    Destination.ZIPPED: _zip,
    Destination.REMOVED: _remove,
    Destination.KEPT: _keep,
}
