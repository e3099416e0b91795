"""Placing files and folders under the first free name: the wanted one, then the same with a number before its extension;
and the last part of a path.

Nothing is ever overwritten, and nothing half-written gets a final name.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from pywats_archive.portable import files, names
from pywats_archive.portable.event_log import warn
from pywats_archive.portable.files import NAME_MAX_BYTES


def free_names(name: str) -> Iterator[str]:
    """Yield ``name``, ``stem_2.ext``, ``stem_3.ext`` and so on without end, each short enough for a file system."""
    is_short = len(os.fsencode(name)) <= NAME_MAX_BYTES
    if is_short:
        yield name
    pure = PurePath(name)  # not before: the name itself is free as a rule
    if not is_short:
        yield _numbered(pure.stem, pure.suffix)
    for number in itertools.count(2):
        yield _numbered(pure.stem, f"_{number}{pure.suffix}")


def last_part(path: str) -> str:
    """Return the name at the end of a path of either operating system."""
    is_windows_path = (len(path) > 1 and path[1] == ":") or path.startswith("\\\\")
    return PureWindowsPath(path).name if is_windows_path else PurePosixPath(path).name


def whole_path(path: Path | str, *, resolve: Callable[[Path | str], str] = os.path.realpath) -> str:
    """Return an absolute path without links; the absolute path alone if the system cannot resolve it (some Windows drives)."""
    try:
        return resolve(path)
    except OSError:
        return os.path.abspath(path)  # noqa: PTH100 (as realpath, a text)


def _numbered(stem: str, tail: str) -> str:
    room = NAME_MAX_BYTES - len(os.fsencode(tail))
    if room <= 0:
        return _numbered(stem, tail[: tail.index(".")])
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return stem + tail


def write_file(chunks: Iterable[bytes], folder: Path, name: str, *, mtime_ns: int, is_durable: bool = True) -> Path:
    """Write a file into ``folder`` under ``name``, or the first free name like it; nothing is left if ``chunks`` fails."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".restore-", suffix=".part", dir=folder)
    path = Path(temporary)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            for chunk in chunks:
                stream.write(chunk)
            if is_durable:
                stream.flush()
                os.fsync(stream.fileno())
        _set_time(path, mtime_ns)
        return publish(path, folder, name, is_durable=is_durable)
    finally:
        with suppress(FileNotFoundError):
            names.unlink(path)


def _set_time(path: Path, mtime_ns: int) -> None:
    """Set a file's time; a time that the system cannot have (before 1970 on Windows) is only logged."""
    try:
        os.utime(path, ns=(mtime_ns, mtime_ns))
    except (OverflowError, ValueError, OSError) as exc:
        warn("restore.time_not_set", path=str(path), mtime_ns=mtime_ns, reason=str(exc))


def publish(path: Path, folder: Path, name: str, *, is_durable: bool = True) -> Path:
    """Rename a finished file to the first free name like ``name`` in ``folder``, durably; return its path."""
    for free in free_names(name):
        with suppress(FileExistsError):
            files.rename_exclusive(path, folder / free)
            if is_durable:
                files.sync_folder(folder)
            return folder / free
    raise AssertionError("unreachable: names never run out")


def make_folder(parent: Path, name: str) -> Path:
    """Create a folder under ``name``, or the first free name like it."""
    parent.mkdir(parents=True, exist_ok=True)
    for free in free_names(name):
        with suppress(FileExistsError):
            (parent / free).mkdir()
            return parent / free
    raise AssertionError("unreachable: names never run out")


def make_whole(parent: Path, name: str, fill: Callable[[Path], object]) -> Path:
    """Fill a folder and rename it to ``name``, or the first free name like it; nothing is left if ``fill`` fails."""
    parent.mkdir(parents=True, exist_ok=True)
    partial = parent / f".restore-{uuid.uuid4().hex}.part"
    partial.mkdir()
    try:
        fill(partial)
        return publish_folder(partial, parent, name)
    finally:
        names.remove_tree(partial, ignore_errors=True)


def publish_folder(partial: Path, parent: Path, name: str) -> Path:
    """Rename a finished folder to the first free name like ``name`` in ``parent``, durably; return its path."""
    for free in free_names(name):
        with suppress(FileExistsError):
            files.rename_folder_exclusive(partial, parent / free)
            files.sync_folder(parent)
            return parent / free
    raise AssertionError("unreachable: names never run out")
