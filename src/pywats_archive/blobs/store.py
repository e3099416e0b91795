"""Blobs by their path in the archive: written once with their checksum, streamed back, checked."""

from __future__ import annotations

import hashlib
import itertools
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path

from isal import igzip, isal_zlib

from pywats_archive import portable
from pywats_archive.blobs import header
from pywats_archive.blobs.codec import compress, compressor, crc32
from pywats_archive.blobs.durable import MEMORY_BYTES, DurableFiles, Name, TemporaryFile, remove, remove_temporary
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.reserve import NO_ROOM, Reserve
from pywats_archive.errors import BlobDamaged, BlobMissing, StorageError
from pywats_archive.models.step import OnStep, no_step

_IsalError: type[Exception] = isal_zlib.error  # type: ignore[assignment, unused-ignore]
CHUNK_BYTES = 1 << 20
ALGORITHM = "sha256"
_GZIP, _SALVAGED_AT_ONCE = 31, 64
_TRAILER = struct.Struct("<II")
"""What ends a gzip file: CRC-32 and size of the content, modulo 2³²."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What was written: SHA-256 (hex) and size of the bytes before compression."""

    sha256: str
    size_bytes: int

    @property
    def checksum(self) -> str:
        """The checksum with the name of its algorithm."""
        return f"{ALGORITHM}:{self.sha256}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """One published blob; ``path`` is relative to the archive, with forward slashes."""

    path: str
    content: Content
    compressed_size_bytes: int
    disk_size_bytes: int
    """What the file system allots for it."""
    name: Name


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What a blob shows without being read from end to end."""

    label: Label
    compressed_size_bytes: int
    size_bytes_mod_4g: int
    """Size of the content modulo 2³², as the last four bytes have it."""


Naming = Callable[[Content], tuple[str, Label]]
"""Gives a blob its path and label once its content is known; asked again when the path is taken."""

UNKNOWN = Content(sha256="0" * 64, size_bytes=10**15)
"""Stands for a content that is still to come; as long in text as any real one."""


def measure(chunks: Iterable[bytes]) -> Content:
    """Take checksum and size of bytes that are not to be kept."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return Content(sha256=digest.hexdigest(), size_bytes=size)


class BlobStore:
    """All blobs of one archive."""

    def __init__(
        self, root: Path, *, on_step: OnStep = no_step, require_root: Callable[[], None] = lambda: None
    ) -> None:
        self.root = root
        self.files = DurableFiles(root, on_step=on_step, require_root=require_root)
        self.reserve = Reserve(self.files)

    def write(
        self, chunks: Iterable[bytes], *, folder: str, draft: Callable[[], Label], naming: Naming, level: int
    ) -> Blob:
        """Compress ``chunks`` into a new blob and publish it; its bytes are durable, its name once it is settled.

        ``draft`` gives the label with ``UNKNOWN`` content, which reserves the header's room when the content is long. Holds
        one chunk in memory, and up to a megabyte of its compressed form. DiskFull gives the reserve up, and comes as long
        as that is not taken again.
        """
        self.reserve.require()
        try:
            return self._write(chunks, folder=folder, draft=draft, naming=naming, level=level)
        except OSError as exc:
            if exc.errno in NO_ROOM:
                raise self.reserve.give_up_for(exc) from exc
            raise

    def _write(
        self, chunks: Iterable[bytes], *, folder: str, draft: Callable[[], Label], naming: Naming, level: int
    ) -> Blob:
        with self.files.temporary(folder) as file:
            writing = _Writing(file, draft)
            content = writing.compress(chunks, level)
            while True:
                path, label = naming(content)
                sealed = file.seal(writing.header(label), is_reserved=writing.is_reserved)
                try:
                    name = self.files.publish(file, path)
                except FileExistsError:
                    continue
                return Blob(
                    path=path,
                    content=content,
                    compressed_size_bytes=sealed.size_bytes,
                    disk_size_bytes=sealed.allotted_bytes,
                    name=name,
                )

    def settle(self, blob: Blob) -> None:
        """Make a blob's name durable: to be called before anything that counts on the blob is committed."""
        try:
            self.files.settle(blob.name)
        except OSError as exc:
            if exc.errno in NO_ROOM:
                raise self.reserve.give_up_for(exc) from exc
            raise StorageError(f"{self.root / blob.path}: cannot be made durable ({exc.strerror or exc})") from exc

    def read(self, path: str) -> Iterator[bytes]:
        """Stream the original bytes of a blob; BlobMissing or BlobDamaged names it."""
        try:
            with self._present(path), igzip.IGzipFile(str(self.root / path), "rb") as stream:  # type: ignore[no-untyped-call]
                while chunk := stream.read(CHUNK_BYTES):
                    yield chunk
        except (EOFError, BadGzipFile, _IsalError) as exc:
            raise BlobDamaged(f"{self.root / path}: {exc}; restore this file from a backup") from exc

    def read_checked(self, path: str, checksum: str) -> Iterator[bytes]:
        """Stream the original bytes; BlobDamaged after the last one when they do not match ``checksum``."""
        digest = hashlib.sha256()
        for chunk in self.read(path):
            digest.update(chunk)
            yield chunk
        found = f"{ALGORITHM}:{digest.hexdigest()}"
        if found != checksum:
            raise BlobDamaged(
                f"{self.root / path}: {found}, recorded was {checksum}; keep the file and restore a backup"
            )

    def salvage(self, path: str) -> Iterator[bytes]:
        """Stream what can be read of a damaged blob, up to the damage; BlobMissing names it. Nothing is checked."""
        stream = zlib.decompressobj(wbits=_GZIP)
        with self._present(path), (self.root / path).open("rb") as file, suppress(zlib.error, OSError):
            while piece := file.read(_SALVAGED_AT_ONCE):
                if data := stream.decompress(piece):
                    yield data

    def check(self, path: str, checksum: str) -> None:
        """Read a blob back from end to end; BlobMissing or BlobDamaged when it is not sound."""
        for _ in self.read_checked(path, checksum):
            pass

    def label(self, path: str) -> Label:
        """Read what a blob says of itself; BlobMissing or BlobDamaged names it."""
        return self.look(path).label

    def look(self, path: str) -> Look:
        """Read a blob's header and its end, and nothing between; BlobMissing or BlobDamaged names it."""
        with self._present(path), (self.root / path).open("rb") as stream:
            label = header.read_label(stream, self.root / path)
            length = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, length - _TRAILER.size))
            end = stream.read().rjust(_TRAILER.size, b"\0")
        return Look(label=label, compressed_size_bytes=length, size_bytes_mod_4g=_TRAILER.unpack(end)[1])

    def is_unchanged(self, path: str, label: Label) -> bool:
        """Tell whether every byte after the header is the one that was written; True when ``label`` does not say."""
        crc = 0
        with self._present(path), (self.root / path).open("rb", buffering=0) as stream:
            stream.seek(label.header_bytes)
            while chunk := stream.read(CHUNK_BYTES):
                crc = crc32(chunk, crc)
        return label.body_crc32 in (None, crc)

    def disk_size(self, path: str) -> int:
        """Give what the file system allots for a blob, in bytes; OSError when it is not there."""
        return portable.allotted_bytes((self.root / path).stat())

    def remove(self, path: str) -> None:
        """Remove a blob, once that is on record; idempotent."""
        remove(self.root / path)

    def remove_if_empty(self, path: str) -> bool:
        """Remove a name without a byte, which is what reserved it where there are no hard links; gives whether it was one."""
        is_empty = (self.root / path).stat().st_size == 0
        if is_empty:
            self.remove(path)
        return is_empty

    def remove_durably(self, paths: Sequence[str]) -> None:
        """Remove blobs, once that is on record, and make it durable; idempotent. OSError names one that cannot be."""
        self.files.remove_all(paths)

    def remove_empty(self, folder: str) -> None:
        """Remove a folder, and those above it, as far as nothing lies in them."""
        self.files.remove_empty(folder)

    def paths(self, folder: str) -> Iterator[str]:
        """List the blobs beneath ``folder``, in order of their paths."""
        for parent, folders, names in os.walk(self.root / folder):
            folders.sort()
            for name in sorted(n for n in names if n.endswith(".gz")):
                yield Path(parent, name).relative_to(self.root).as_posix()

    def remove_temporary(self, folder: str, *, report: Callable[[Path], None], deep: bool = True) -> None:
        """Remove what a crash left half-written beneath ``folder``, or only in it."""
        remove_temporary(self.root / folder, report=report, deep=deep)

    @contextmanager
    def _present(self, path: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as exc:
            raise BlobMissing(f"{self.root / path}: the blob is missing; restore this file from a backup") from exc


class _Writing:
    """A blob being written: its header's room is fixed when the first of it must leave memory."""

    def __init__(self, file: TemporaryFile, draft: Callable[[], Label]) -> None:
        self._file = file
        self._draft = draft
        self._room: int | None = None
        self._body_crc = 0

    def compress(self, chunks: Iterable[bytes], level: int) -> Content:
        following = iter(chunks)
        first, second = next(following, b""), next(following, None)
        if second is None and len(first) <= MEMORY_BYTES // 2:  # what does not compress grows a little
            return self._compress_at_once(first, level)
        rest = () if second is None else itertools.chain((second,), following)
        return self._compress_in_steps(itertools.chain((first,), rest), level)

    def _compress_at_once(self, data: bytes, level: int) -> Content:
        self._append(compress(data, level) + _trailer(crc32(data), len(data)))
        return Content(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))

    def _compress_in_steps(self, chunks: Iterable[bytes], level: int) -> Content:
        stream, crc, size = compressor(level), 0, 0
        draft = self._draft()
        self._room = header.json_length(draft)
        self._file.write(header.encode(draft, body_crc32=0, json_bytes=self._room))
        with _Hashing() as hashing:
            for chunk in chunks:
                hashing.add(chunk)
                crc = crc32(chunk, crc)
                size += len(chunk)
                self._append(stream.compress(chunk))
        self._append(stream.flush() + _trailer(crc, size))
        return Content(sha256=hashing.digest.hexdigest(), size_bytes=size)

    def _append(self, data: bytes) -> None:
        self._body_crc = crc32(data, self._body_crc)
        self._file.write(data)

    @property
    def is_reserved(self) -> bool:
        return self._room is not None

    def header(self, label: Label) -> bytes:
        return header.encode(label, body_crc32=self._body_crc, json_bytes=self._room or 0)


class _Hashing:
    """SHA-256 in a thread beside the compression, which takes longer; one chunk behind at most."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._last: Future[None] | None = None

    def add(self, chunk: bytes) -> None:
        if self._last:
            self._last.result()
        self._last = self._thread.submit(self.digest.update, chunk)

    def __enter__(self) -> _Hashing:
        return self

    def __exit__(self, *unused: object) -> None:
        self._thread.shutdown()


def _trailer(crc: int, size: int) -> bytes:
    return _TRAILER.pack(crc, size & 0xFFFF_FFFF)
