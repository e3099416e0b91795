"""Bringing bytes back: under their own name and time, never over a file that is there, checked before they count."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

import structlog

from pywats_archive import portable
from pywats_archive.archive.naming import free_names
from pywats_archive.errors import BlobDamaged

log = structlog.get_logger()


def write_file(chunks: Iterable[bytes], folder: Path, name: str, *, mtime_ns: int, is_durable: bool = True) -> Path:
    """Write a file into ``folder`` under ``name``, or the first free name like it; nothing stays when ``chunks`` fails."""
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
            path.unlink()


def _set_time(path: Path, mtime_ns: int) -> None:
    """Give a file its time; one that this system cannot have (before 1970 on Windows) is no reason to lose the file."""
    try:
        os.utime(path, ns=(mtime_ns, mtime_ns))
    except (OverflowError, ValueError, OSError) as exc:
        log.warning("restore.time_not_set", path=str(path), mtime_ns=mtime_ns, reason=str(exc))


def publish(path: Path, folder: Path, name: str, *, is_durable: bool = True) -> Path:
    """Give a finished file the first free name like ``name`` in ``folder``, durably; gives its path."""
    for free in free_names(name):
        with suppress(FileExistsError):
            portable.rename_exclusive(path, folder / free)
            if is_durable:
                portable.sync_folder(folder)
            return folder / free
    raise AssertionError("unreachable: names never run out")


def make_folder(parent: Path, name: str) -> Path:
    """Make a new folder under ``name``, or the first free name like it."""
    parent.mkdir(parents=True, exist_ok=True)
    for free in free_names(name):
        with suppress(FileExistsError):
            (parent / free).mkdir()
            return parent / free
    raise AssertionError("unreachable: names never run out")


def write_folder(chunks: Iterator[bytes], parent: Path, name: str) -> Path:
    """Unpack a tar of ours into ``parent`` under ``name``, or the first free name like it; nothing stays when it fails."""
    return make_whole(parent, name, lambda folder: extract(chunks, folder))


def make_whole(parent: Path, name: str, fill: Callable[[Path], object]) -> Path:
    """Fill a folder and give it ``name``, or the first free name like it; nothing stays when ``fill`` fails."""
    parent.mkdir(parents=True, exist_ok=True)
    partial = parent / f".restore-{uuid.uuid4().hex}.part"
    partial.mkdir()
    try:
        fill(partial)
        return publish_folder(partial, parent, name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def publish_folder(partial: Path, parent: Path, name: str) -> Path:
    """Give a finished folder the first free name like ``name`` in ``parent``, durably; gives its path."""
    for free in free_names(name):
        with suppress(FileExistsError):
            portable.rename_folder_exclusive(partial, parent / free)
            portable.sync_folder(parent)
            return parent / free
    raise AssertionError("unreachable: names never run out")


def extract(chunks: Iterator[bytes], folder: Path) -> tuple[Path, ...]:
    """Unpack a tar of ours into ``folder``; a member that would lie outside of it is refused. Gives the files made.

    Links are not made: what they named is not in the archive.
    """
    made = []
    for member, content in members(chunks, of=folder):
        with _told_as_damaged(folder):  # a name or a time may be none
            target = _inside(folder, member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif content is not None:
                made.append(write_file(content, target.parent, target.name, mtime_ns=mtime_ns_of(member)))
    return tuple(made)


def write_member(chunks: Iterable[bytes], folder: Path, name: str, *, mtime_ns: int, is_durable: bool = True) -> Path:
    """Write a file that has ``name`` relative to ``folder``; one that would lie outside of it is refused."""
    with _told_as_damaged(folder):  # a name may be none
        target = _inside(folder, name)
        return write_file(chunks, target.parent, target.name, mtime_ns=mtime_ns, is_durable=is_durable)


def members(chunks: Iterator[bytes], *, of: Path) -> Iterator[tuple[tarfile.TarInfo, Iterator[bytes] | None]]:
    """Stream the members of a tar of ours, files with their content; reads ``chunks`` to their end.

    BlobDamaged names ``of`` when it is no whole tar.
    """
    reader = cast(BinaryIO, _ChunkReader(chunks))
    with (
        _told_as_damaged(of),
        tarfile.open(fileobj=reader, mode="r|", encoding="utf-8", errors="surrogateescape") as tar,
    ):
        for member in tar:
            stream = tar.extractfile(member) if member.isreg() else None
            yield member, _content(stream, of) if stream else None
    for _ in chunks:
        pass


def _content(stream: IO[bytes], of: Path) -> Iterator[bytes]:
    with _told_as_damaged(of):
        yield from pieces(stream)


@contextmanager
def _told_as_damaged(of: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, ValueError) as exc:
        raise BlobDamaged(
            f"{of}: the stored folder cannot be unpacked ({exc}); restore this file from a backup"
        ) from exc


def pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """Read an open file in chunks."""
    while chunk := stream.read(1 << 20):
        yield chunk


def _inside(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if (
        not parts
        or name.startswith("/")
        or ".." in parts
        or any("\\" in p or ":" in p for p in parts if portable.WINDOWS)
    ):
        raise BlobDamaged(f"{folder}: a stored path leads outside ({name!r}); it is not restored")
    return folder.joinpath(*parts)


def mtime_ns_of(member: tarfile.TarInfo) -> int:
    """Give the time of a member of a tar of ours, to the nanosecond."""
    seconds, _, fraction = member.pax_headers.get("mtime", str(int(member.mtime))).partition(".")
    return int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)


class _ChunkReader:
    """An iterator of chunks as a file that tarfile can read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece
