"""Unpacks the tar of a folder source or of companions; nothing is written outside of the target folder."""

from __future__ import annotations

import tarfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from pywats_archive.errors import BlobDamaged
from pywats_archive.portable import files
from pywats_archive.portable.placing import make_whole, write_file


def write_folder(chunks: Iterator[bytes], parent: Path, name: str) -> Path:
    """Unpack an archive's tar into ``parent`` under ``name``, or the first free name like it; leaves nothing if it fails."""
    return make_whole(parent, name, lambda folder: extract(chunks, folder))


def extract(chunks: Iterator[bytes], folder: Path, *, only: Collection[str] | None = None) -> tuple[Path, ...]:
    """Unpack an archive's tar into ``folder``, or ``only`` some files, refusing members outside of it; returns the files made.

    Links are not created: their targets are not in the archive.
    """
    made = []
    for member, content in members(chunks, of=folder):
        with _damaged_errors(folder):  # the name or time may be invalid
            target = _inside(folder, member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif content is not None and (only is None or member.name in only):
                made.append(write_file(content, target.parent, target.name, mtime_ns=mtime_ns_of(member)))
    return tuple(made)


def write_member(chunks: Iterable[bytes], folder: Path, name: str, *, mtime_ns: int, is_durable: bool = True) -> Path:
    """Write a file with ``name`` relative to ``folder``; a name outside of it is refused."""
    with _damaged_errors(folder):  # the name may be invalid
        target = _inside(folder, name)
        return write_file(chunks, target.parent, target.name, mtime_ns=mtime_ns, is_durable=is_durable)


def members(chunks: Iterator[bytes], *, of: Path) -> Iterator[tuple[tarfile.TarInfo, Iterator[bytes] | None]]:
    """Stream the members of an archive's tar, files with their content; reads ``chunks`` to their end.

    BlobDamaged names ``of`` if the tar is not whole.
    """
    reader = cast(BinaryIO, _ChunkReader(chunks))
    with (
        _damaged_errors(of),
        tarfile.open(fileobj=reader, mode="r|", encoding="utf-8", errors="surrogateescape") as tar,
    ):
        for member in tar:
            stream = tar.extractfile(member) if member.isreg() else None
            yield member, _content(stream, of) if stream else None
    for _ in chunks:
        pass


def _content(stream: IO[bytes], of: Path) -> Iterator[bytes]:
    with _damaged_errors(of):
        yield from pieces(stream)


@contextmanager
def _damaged_errors(of: Path) -> Iterator[None]:
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
    if not parts or name.startswith("/") or ".." in parts or any("\\" in p or ":" in p for p in parts if files.WINDOWS):
        raise BlobDamaged(f"{folder}: a stored path leads outside ({name!r}); it is not restored")
    return folder.joinpath(*parts)


def mtime_ns_of(member: tarfile.TarInfo) -> int:
    """Return the time of a member of an archive's tar, to the nanosecond."""
    seconds, _, fraction = member.pax_headers.get("mtime", str(int(member.mtime))).partition(".")
    return int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)


class _ChunkReader:
    """An iterator of chunks as a file that tarfile can read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece
