"""Anchors in a folder elsewhere: one small file each, below the uuid of its archive, and never written to again.

A file is created under its final name, so that a share that allows new files but no changes is enough. A file that a power cut
left incomplete is recognized: its line has no end.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.archive.anchors.anchor import Anchor, anchors_in
from pywats_archive.archive.anchors.signing import public_key_name, public_key_pem
from pywats_archive.errors import StorageError
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.portable import names
from pywats_archive.portable.files import read_small, sync_folder
from pywats_archive.portable.placing import free_names

SUFFIX = ".anchor"
_MOST_BYTES = 64_000_000
_MOST_NAMES = 100
_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EPERM}


@dataclass(frozen=True, kw_only=True, slots=True)
class AnchorFile:
    """A file that should have anchors."""

    path: Path
    anchors: tuple[Anchor, ...] = ()
    fault: str | None = None
    """The reason why the file cannot be used; None if it has anchors, or a power cut left it incomplete."""


def write_into(folder: Path, anchor: Anchor, *, on_step: OnStep = no_step) -> Path:
    """Write an anchor into a folder, which must exist, durably where its file system can; returns its file.

    StorageError if that fails; nothing that is there is changed.
    """
    if not folder.is_dir():
        raise StorageError(f"{folder}: is not a folder; create it, or mount its disk or share")
    place = folder / anchor.archive_uuid / f"{anchor.at:%Y}"
    try:
        on_step("mkdir")
        for each in (place.parent, place):  # never the folder itself, whose share may have gone meanwhile
            each.mkdir(exist_ok=True)
        with suppress(FileExistsError):
            key = public_key_pem(anchor.public_key).encode("ascii")
            _create(place.parent / public_key_name(anchor.key_id), key, on_step)
        path = _create_free(place, f"{anchor.at:%Y%m%dT%H%M%SZ}_{anchor.event}{SUFFIX}", anchor, on_step)
        on_step("fsync_folder")
        sync_folder(place)
        sync_folder(place.parent)
    except OSError as exc:
        raise StorageError(
            f"{folder}: the anchor cannot be written ({exc.strerror or exc}); check the folder and its rights"
        ) from exc
    return path


def _create_free(place: Path, name: str, anchor: Anchor, on_step: OnStep) -> Path:
    content = f"{anchor.line}\n".encode("ascii")
    for each in itertools.islice(free_names(name), _MOST_NAMES):
        path = place / each
        try:
            _create(path, content, on_step)
        except FileExistsError:
            if read_small(path) == content:
                return path
        else:
            return path
    raise OSError(errno.EEXIST, "too many files have its name", str(place / name))


def _create(path: Path, content: bytes, on_step: OnStep) -> None:
    """Create a file with this content and read it back; an OSError leaves none, unless it cannot be removed."""
    on_step("open")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        try:
            on_step("write")
            if os.write(descriptor, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            on_step("fsync")
            _sync(descriptor)
        finally:
            os.close(descriptor)
        if read_small(path) != content:
            raise OSError(errno.EIO, "was read back with another content", str(path))
    except OSError:
        with suppress(OSError):
            names.unlink(path)
        raise


def _sync(descriptor: int, *, fsync: Callable[[int], None] = os.fsync) -> None:
    """Make a file durable, where its file system can; some shares cannot."""
    try:
        fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _CANNOT_SYNC:
            raise


def newest_in(folder: Path, archive_uuid: str) -> Anchor | None:
    """Return the newest anchor of an archive in a folder, by its name; None if there is none. OSError if it cannot be listed.

    Its signature is not checked.
    """
    own = folder / archive_uuid
    years = sorted((each for each in own.iterdir() if each.is_dir()), reverse=True) if own.is_dir() else []
    for year in years:
        for path in sorted(year.glob(f"*{SUFFIX}"), reverse=True):
            if found := read_file(path).anchors:
                return found[-1]
    return None


def keys_in(own: Path) -> Iterator[str]:
    """Yield the ids of the keys that signed the anchors in an archive's own folder, by the names of their files."""
    before, after = public_key_name("*").split("*")
    for path in own.glob(public_key_name("*")):
        yield path.name.removeprefix(before).removesuffix(after)


def read_file(path: Path) -> AnchorFile:
    """Read the anchors in one file, such as an anchor file, a saved mail, or a log of anchors."""
    try:
        content = read_small(path, most_bytes=_MOST_BYTES)
    except OSError as exc:
        return AnchorFile(path=path, fault=f"cannot be read ({exc.strerror or exc}); check the file and its rights")
    found = tuple(anchors_in(content.decode("ascii", errors="replace")))
    if found or (path.suffix == SUFFIX and _is_cut_off(content)):
        return AnchorFile(path=path, anchors=found)
    return AnchorFile(path=path, fault="has no anchor; compare it with another copy")


def _is_cut_off(content: bytes) -> bool:
    """Whether a file ends within its line, as a power cut leaves it; some file systems leave zeros."""
    return not content.rstrip(b"\0").endswith(b"\n")


def files_in(folder: Path) -> Iterator[AnchorFile]:
    """Stream the anchor files in a folder and below it, in order; StorageError if it cannot be listed."""

    def refuse(error: OSError) -> None:
        raise StorageError(
            f"{error.filename}: cannot be listed ({error.strerror or error}); check its rights"
        ) from error

    if not folder.is_dir():
        raise StorageError(f"{folder}: is not a folder; create it, or mount its disk or share")
    for parent, folders, found in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted(found):
            if name.endswith(SUFFIX):
                yield read_file(Path(parent, name))
