"""Carrying out an ending: the source leaves the watch folder, and never over another file (invariants 2 and 3)."""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive import portable
from pywats_archive.archive import late, ledger, sources
from pywats_archive.archive.core import Archive
from pywats_archive.archive.naming import free_names
from pywats_archive.archive.restoring import publish
from pywats_archive.config import ConverterConfig
from pywats_archive.errors import BlobDamaged, BlobMissing, SourceVanished, StorageError
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.pipeline.decide import Destination, Ending
from pywats_archive.pipeline.line import Line


@dataclass(frozen=True, kw_only=True, slots=True)
class Departure:
    """A source that is to leave, as it was when it was archived."""

    path: Path
    size_bytes: int
    mtime_ns: int
    inode: int | None = None
    ctime_ns: int | None = None
    config: ConverterConfig
    archive: Archive | None = None
    entry: ArchiveEntry | None = None


def departure_of(line: Line, arrival: Arrival, entry: ArchiveEntry | None = None) -> Departure:
    """Give an arrival's source as it is to leave, with its archived form if it has one."""
    return Departure(
        path=Path(arrival.moved_to or arrival.path),
        size_bytes=arrival.size_bytes,
        mtime_ns=arrival.mtime_ns,
        inode=arrival.inode,
        ctime_ns=arrival.ctime_ns,
        config=line.config,
        archive=line.archive if entry else None,
        entry=entry,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Departed:
    """Where the source is now; ``note`` says why it is not where it was to go."""

    moved_to: str | None
    note: str | None = None
    touched: sources.Signature | None = None
    """How it was in the end, when its time had changed and its bytes had not."""
    lies_at: Path | None = None
    """Where it lies as it was."""

    @property
    def is_replaced(self) -> bool:
        """Whether another source lay in its place, which was left."""
        return self.moved_to == _REPLACED


_GONE, _REPLACED = "removed", "replaced"
_LEFT = Departed(
    moved_to=_REPLACED, note="what lay there had changed since it was archived; it was left and is taken in"
)
_LAST_IN_ZIP = (2107, 12, 31, 23, 59, 59)


def carry_out(ending: Ending, departure: Departure) -> Departed:
    """Do with the source what ``ending`` says; safe to repeat. StorageError when the folder cannot take it."""
    if not os.path.lexists(departure.path):
        is_kept = ending.destination is Destination.KEPT
        return Departed(moved_to=None) if is_kept else Departed(moved_to="gone", note="the source was already gone")
    try:
        touched = _touched(departure)
        departed = _ACTIONS[ending.destination](departure)
        if ending.clean_leftovers and departure.archive and departure.entry and departed.moved_to == _GONE:
            _clean_leftovers(departure.archive, departure.entry, Path(departure.config.done_folder))
    except _Replaced:
        return _LEFT
    except OSError as exc:
        raise StorageError(f"{departure.path}: cannot be moved ({exc.strerror or exc}); it stays where it is") from exc
    return replace(departed, touched=touched) if touched else departed


class _Replaced(Exception):
    """Another source lies where the one lay that is to leave."""


def bring_back(held: Path, path: Path) -> bool:
    """Bring a suspended source from Pending back to where it was dropped; False while another one has its name."""
    try:
        _move(held, path)
    except FileExistsError:
        return False
    except OSError as exc:
        raise StorageError(f"{held}: cannot be brought back to {path} ({exc.strerror or exc})") from exc
    return True


def _move_to(name_of_folder: str) -> Callable[[Departure], Departed]:
    def act(departure: Departure) -> Departed:
        folder = Path(getattr(departure.config, name_of_folder))
        target = move_into(folder, departure.path)
        return Departed(moved_to=str(target), lies_at=target)

    return act


def move_into(folder: Path, path: Path) -> Path:
    """Move a file or folder into ``folder``, under its own name or the first free one; StorageError when it cannot be taken."""
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
        portable.move_folder_exclusive(path, target)
    else:
        portable.move_file_exclusive(path, target)


def _remove(departure: Departure) -> Departed:
    return _remove_noted(departure, portable.marks(departure.path))


def _remove_noted(departure: Departure, noted: portable.Marks) -> Departed:
    if departure.archive and departure.entry and departure.entry.source_archived_path:
        if departure.path.is_file() and sources.checksum(departure.path) != departure.entry.source_checksum:
            return _LEFT
        try:
            _prove_archived(departure.archive, departure.entry, departure.path)
        except (BlobDamaged, BlobMissing, _NotInArchive) as exc:
            kept = move_into(Path(departure.config.done_folder), departure.path)
            return Departed(moved_to=str(kept), note=f"kept in Done, not removed: {exc}", lies_at=kept)
    portable.remove_marked(departure.path, noted)
    portable.sync_folder(departure.path.parent)
    return Departed(moved_to=_GONE)


class _NotInArchive(Exception):
    pass


def _prove_archived(archive: Archive, entry: ArchiveEntry, path: Path) -> None:
    """Read the blob back from end to end; for a folder, find each of its files in it as it is now."""
    archive.blobs.check(entry.source_archived_path, entry.source_checksum)
    if entry.source_kind is not SourceKind.FOLDER:
        return
    if missing := late.missing_members(archive, entry, path):
        raise _NotInArchive(f"{missing[0]} is not in the archive as it is now")


def _zip(departure: Departure) -> Departed:
    folder, path = Path(departure.config.done_folder), departure.path
    noted = portable.marks(path)
    folder.mkdir(parents=True, exist_ok=True)
    partial = portable.partial_of(path, folder)
    portable.discard(partial)
    target = _zip_of_earlier(path, folder) or _new_zip(path, folder, partial)
    portable.sync_folder(folder)
    removed = _remove_noted(departure, noted)
    return replace(removed, moved_to=str(target))


def _zip_of_earlier(path: Path, folder: Path) -> Path | None:
    """Find the zip that an earlier try made of this very source, before it could be removed."""
    for name in free_names(f"{path.name}.zip"):
        if not os.path.lexists(folder / name):
            return None
        if _holds(folder / name, path):
            return folder / name
    raise AssertionError("unreachable: names never run out")


def _holds(packed: Path, path: Path) -> bool:
    """Tell whether a zip holds each file of ``path``, as long, as old and with the same checksum as it is now."""
    try:
        with zipfile.ZipFile(packed) as zipped:
            held = {info.filename: (info.file_size, info.date_time, info.CRC) for info in zipped.infolist()}
    except (OSError, zipfile.BadZipFile):
        return False
    return all(held.get(_name_in_zip(path, file)) == _as_zipped(file) for file in _files(path))


def _as_zipped(file: Path) -> tuple[int, tuple[int, ...], int]:
    info, crc = _zip_info(file, file.name), 0
    seconds = info.date_time[5] // 2 * 2  # all that a zip keeps
    for chunk in sources.read_file(file):
        crc = zlib.crc32(chunk, crc)
    return info.file_size, (*info.date_time[:5], seconds), crc


def _new_zip(path: Path, folder: Path, partial: Path) -> Path:
    try:
        with partial.open("x+b") as stream:
            partial.chmod(0o600)
            _write_zip(path, stream)
            stream.flush()
            os.fsync(stream.fileno())
        with zipfile.ZipFile(partial) as packed:
            if damaged := packed.testzip():
                raise OSError(errno.EIO, f"the zip does not read back ({damaged})")
        return publish(partial, folder, f"{path.name}.zip")
    finally:
        portable.discard(partial)


def _write_zip(path: Path, stream: object) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed:  # type: ignore[call-overload]
        for file in _files(path):
            info = _zip_info(file, _name_in_zip(path, file))
            with file.open("rb") as content, packed.open(info, "w") as zipped:
                shutil.copyfileobj(content, zipped, sources.CHUNK_BYTES)


def _zip_info(file: Path, name: str) -> zipfile.ZipInfo:
    """Describe a file as a zip has it; a time that no calendar has becomes the last one that a zip can hold."""
    try:
        info = zipfile.ZipInfo.from_file(file, name, strict_timestamps=False)
    except (OSError, OverflowError, ValueError):
        status = file.stat()  # of a file that is gone this is the error that counts
        info = zipfile.ZipInfo(name, _LAST_IN_ZIP)
        info.file_size, info.external_attr = status.st_size, (status.st_mode & 0xFFFF) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _name_in_zip(path: Path, file: Path) -> str:
    name = file.relative_to(path.parent).as_posix()
    return name.encode("utf-8", "backslashreplace").decode()


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    yield from sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())


def _clean_leftovers(archive: Archive, entry: ArchiveEntry, folder: Path) -> None:
    """Remove from Done what the ledger says that this entry left there, if it is this very source, byte for byte.

    A file of the same name and content may be another converter's, or a person's.
    """
    if entry.source_kind is not SourceKind.FILE:
        return
    for left in map(Path, ledger.left_at(archive, entry.archive_id)):
        is_file = left.parent == folder and left.is_file() and not left.is_symlink()
        is_as_long = is_file and left.stat().st_size == entry.source_size_bytes
        if is_as_long and sources.checksum(left) == entry.source_checksum:
            left.unlink()


def is_as_it_was(departure: Departure) -> bool:
    """Whether what is to leave still lies there."""
    try:
        return os.path.lexists(departure.path) and _touched(departure) is None
    except _Replaced:
        return False


def _touched(departure: Departure) -> sources.Signature | None:
    """Return how the source is now, when its time, rights or inode changed and its bytes did not; _Replaced when they did.

    Its bytes are read only when something else differs. A folder may lose its marker while it is converted; what it gained is
    seen when it leaves.
    """
    try:
        kind, now = sources.look_at(departure.path)
    except SourceVanished:
        raise
    except StorageError as exc:  # a link, or a device
        raise _Replaced from exc
    is_other = departure.entry and kind is not departure.entry.source_kind
    if is_other or (kind is SourceKind.FOLDER and portable.is_link(departure.path)):
        raise _Replaced
    if kind is SourceKind.FOLDER or _is_untouched(departure, now):
        return None
    archived = departure.entry.source_checksum if departure.entry else None
    if now.size_bytes != departure.size_bytes or sources.checksum(departure.path) != archived:
        raise _Replaced
    return now


def _is_untouched(departure: Departure, now: sources.Signature) -> bool:
    """Rights may change where no archive has the bytes to compare with; the time of the last change is none there."""
    known = (
        (departure.size_bytes, now.size_bytes),
        (departure.mtime_ns, now.mtime_ns),
        (departure.inode, now.inode),
        (departure.ctime_ns if departure.entry else None, now.ctime_ns),
    )
    return all(None in pair or pair[0] == pair[1] for pair in known)


def _keep(departure: Departure) -> Departed:
    """Leave the source where it is: in Pending, if it waits there because its place in the watch folder is another's."""
    if departure.path.parent == Path(departure.config.pending_folder):
        return Departed(moved_to=str(departure.path), note="kept in Pending: its place in the watch folder is taken")
    return Departed(moved_to=None)


_ACTIONS: dict[Destination, Callable[[Departure], Departed]] = {
    Destination.DONE: _move_to("done_folder"),
    Destination.ERROR: _move_to("error_folder"),
    Destination.ZIPPED: _zip,
    Destination.REMOVED: _remove,
    Destination.KEPT: _keep,
}
