"""Carrying out an ending: the source leaves the watch folder and never replaces another file (invariants 2 and 3)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import late, leaving, reading
from pywats_archive.errors import BlobDamaged, BlobLocked, BlobMissing, SourceVanished, StorageError
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.pipeline.postprocess.decisions import Destination, Ending
from pywats_archive.pipeline.postprocess.departing import (
    Departing,
    Replaced,
    SourceFile,
    departing,
    move,
    touched_stamp,
)
from pywats_archive.pipeline.postprocess.zipping import NamedSource, new_zip, zip_of_earlier
from pywats_archive.portable import files, moving


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
    if ending.destination is Destination.KEPT:
        return _keep(source)
    try:
        with departing(source) as departure:
            moved = _ACTIONS[ending.destination](departure)
        if ending.clean_leftovers and source.archive and source.entry and moved.moved_to == REMOVED:
            _clean_leftovers(source.archive, source.entry, Path(source.config.done_folder))
    except Replaced:
        return _REPLACED_SOURCE
    except SourceVanished:
        return Moved(moved_to="gone", note="the source was already gone")
    except OSError as exc:
        raise _stays(source, exc) from exc
    return replace(moved, touched=departure.touched) if departure.touched else moved


def set_aside(source: SourceFile, folder: Path) -> Path | None:
    """Move a source into ``folder``, to be processed later; None if it is gone or another one is in its place."""
    try:
        with departing(source) as departure:
            return departure.move_into(folder)
    except (Replaced, SourceVanished):
        return None
    except OSError as exc:
        raise _stays(source, exc) from exc


def _stays(source: SourceFile, exc: OSError) -> StorageError:
    return StorageError(f"{source.path}: cannot be moved ({exc.strerror or exc}); it stays where it is")


def bring_back(pending: Path, path: Path) -> bool:
    """Move a suspended source from Pending back to its path; False while another source has its name."""
    try:
        move(pending, path)
    except FileExistsError:
        return False
    except OSError as exc:
        raise StorageError(f"{pending}: cannot be brought back to {path} ({exc.strerror or exc})") from exc
    return True


def _move_to(name_of_folder: str) -> Callable[[Departing], Moved]:
    def act(departure: Departing) -> Moved:
        target = departure.move_into(Path(getattr(departure.source.config, name_of_folder)))
        return Moved(moved_to=str(target), lies_at=target)

    return act


def _remove(departure: Departing) -> Moved:
    return _remove_noted(departure, moving.marks(departure.path))


def _remove_noted(departure: Departing, marks: moving.Marks) -> Moved:
    source, path = departure.source, departure.path
    if source.archive and source.entry and source.entry.source_archived_path:
        if path.is_file() and reading.checksum(path) != source.entry.source_checksum:
            raise Replaced
        try:
            _prove_archived(source.archive, source.entry, path)
        except (BlobDamaged, BlobLocked, BlobMissing, _NotInArchive) as exc:
            target = departure.move_into(Path(source.config.done_folder))
            return Moved(moved_to=str(target), note=f"kept in Done, not removed: {exc}", lies_at=target)
    moving.remove_marked(path, marks)
    files.sync_folder(path.parent)
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


def _zip(departure: Departing) -> Moved:
    folder, path = Path(departure.source.config.done_folder), departure.path
    marks = moving.marks(path)
    folder.mkdir(parents=True, exist_ok=True)
    partial = moving.partial_of(path, folder)
    moving.discard(partial)
    named = NamedSource(path=path, name=departure.name)
    target = zip_of_earlier(named, folder) or new_zip(named, folder, partial)
    files.sync_folder(folder)
    removed = _remove_noted(departure, marks)
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
        with leaving.alone(leftover):
            _remove_copy(leftover, entry.source_checksum)


def _remove_copy(path: Path, checksum: str) -> None:
    """Remove a file that has this checksum; it is compared under a private name, so that no other file is removed for it."""
    private = leaving.private_name(path)
    if os.path.lexists(private):  # only a crash leaves one in Done
        return
    leaving.claim(path, private)
    try:
        marks = moving.marks(private)
        if reading.checksum(private) == checksum:
            moving.remove_marked(private, marks)
    finally:
        leaving.give_back(private, path)


def _keep(source: SourceFile) -> Moved:
    """Leave the source where it is: in Pending, if another source has its name in the watch folder."""
    if not os.path.lexists(source.path):
        return Moved(moved_to=None)
    try:
        touched = touched_stamp(source)
    except Replaced:
        return _REPLACED_SOURCE
    except OSError as exc:
        raise _stays(source, exc) from exc
    if source.path.parent == Path(source.config.pending_folder):
        note = "kept in Pending: its place in the watch folder is taken"
        return Moved(moved_to=str(source.path), note=note, touched=touched)
    return Moved(moved_to=None, touched=touched)


_ACTIONS: dict[Destination, Callable[[Departing], Moved]] = {
    Destination.DONE: _move_to("done_folder"),
    Destination.ERROR: _move_to("error_folder"),
    Destination.ZIPPED: _zip,
    Destination.REMOVED: _remove,
}
