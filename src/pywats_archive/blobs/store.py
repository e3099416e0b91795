"""Blobs by their path in the archive: written once with their checksum, streamed back, checked."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path

from isal import igzip, isal_zlib

from pywats_archive import portable
from pywats_archive.blobs import header, place
from pywats_archive.blobs.codec import crc32
from pywats_archive.blobs.durable import DurableFiles, Name, remove, remove_temporary
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.reserve import NO_ROOM, Reserve
from pywats_archive.blobs.writing import TRAILER, Writing
from pywats_archive.errors import BlobDamaged, BlobMissing, BlobOutside, StorageError
from pywats_archive.models.step import OnStep, no_step

_IsalError: type[Exception] = isal_zlib.error  # type: ignore[assignment, unused-ignore]
CHUNK_BYTES = 1 << 20
ALGORITHM = "sha256"
_GZIP, _SALVAGED_AT_ONCE = 31, 64


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
        self.has_links = True
        """Whether a blob can have several names, as it was when that was tried last."""

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
            writing = Writing(file, draft)
            sha256, size = writing.compress(chunks, level)
            content = Content(sha256=sha256, size_bytes=size)
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

    def share(self, path: str, names: Iterator[str], *, checksum: str) -> Blob | None:
        """Give a blob of this content the first free one of ``names`` too, where possible; its bytes go with its last name.

        None where the file system cannot, or the blob is gone, damaged or another one. The name is durable once it is settled.
        """
        try:
            look = self.look(path)
            content = Content(sha256=look.label.metadata["sha256"], size_bytes=look.label.metadata["size_bytes"])
            for name in names if content.checksum == checksum else ():
                place.require_shape(name, self.root)
                with suppress(FileExistsError):
                    linked = self.files.link(path, name)
                    self.has_links = True
                    size = look.compressed_size_bytes
                    return Blob(path=name, content=content, compressed_size_bytes=size, disk_size_bytes=0, name=linked)
        except (BlobDamaged, BlobMissing, KeyError):
            return None
        except OSError as exc:
            self.has_links = self.has_links and not portable.says_no_links(exc)
            return None
        return None

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
            with self._present(path) as whole, igzip.IGzipFile(str(whole), "rb") as stream:  # type: ignore[no-untyped-call]
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
        with self._present(path) as whole, whole.open("rb") as file, suppress(zlib.error, OSError):
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
        with self._present(path) as whole, whole.open("rb") as stream:
            label = header.read_label(stream, whole)
            length = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, length - TRAILER.size))
            end = stream.read().rjust(TRAILER.size, b"\0")
        return Look(label=label, compressed_size_bytes=length, size_bytes_mod_4g=TRAILER.unpack(end)[1])

    def is_unchanged(self, path: str, label: Label) -> bool:
        """Tell whether every byte after the header is the one that was written; True when ``label`` does not say."""
        crc = 0
        with self._present(path) as whole, whole.open("rb", buffering=0) as stream:
            stream.seek(label.header_bytes)
            while chunk := stream.read(CHUNK_BYTES):
                crc = crc32(chunk, crc)
        return label.body_crc32 in (None, crc)

    def disk_size(self, path: str) -> int:
        """Return what the file system allots for a blob, in bytes, or its part of one with several names; OSError."""
        status = self._place(path).stat()
        return portable.allotted_bytes(status) // max(status.st_nlink, 1)

    def remove(self, path: str, *, of: str) -> None:
        """Remove a blob of the entry ``of``, once that is on record; idempotent. BlobOutside when it is not one."""
        self._require_of(path, of)
        remove(self._place(path))

    def remove_if_empty(self, path: str) -> bool:
        """Remove a name without a byte, which is what reserved it where there are no hard links; gives whether it was one."""
        whole = self._place(path)
        is_empty = whole.stat().st_size == 0
        if is_empty:
            remove(whole)
        return is_empty

    def is_of(self, path: str, archive_id: str) -> bool:
        """Whether ``path`` is a place for a blob of this entry."""
        return place.is_of_entry(path, archive_id)

    def is_linked(self, paths: Iterable[str]) -> bool:
        """Whether a folder in which one of these blobs lies is a link, or one above it up to the archive's own."""
        return any(self._is_linked(folder) for folder in {path.rpartition("/")[0] for path in paths})

    def _is_linked(self, folder: str) -> bool:
        try:
            place.require_no_link(self.root, folder)
        except BlobOutside:
            return True
        return False

    def remove_durably(self, paths: Sequence[str]) -> dict[str, OSError]:
        """Remove blobs, once that is on record, and make it durable; idempotent. Return those that cannot be, and why.

        BlobOutside comes before anything is removed; OSError when it cannot be made durable.
        """
        for folder in {place.require_shape(path, self.root) for path in paths}:
            place.require_no_link(self.root, folder)
        return self.files.remove_all(paths)

    def remove_empty(self, folder: str) -> None:
        """Remove a folder, and those above it, as far as nothing lies in them."""
        self.files.remove_empty(folder)

    def paths(self, folder: str) -> Iterator[str]:
        """List the blobs beneath ``folder``, in order of their paths; none where that is a link."""
        if folder and self._is_linked(folder):
            return
        for parent, folders, names in os.walk(self.root / folder):
            folders.sort()
            for name in sorted(n for n in names if n.endswith(".gz")):
                yield Path(parent, name).relative_to(self.root).as_posix()

    def remove_temporary(self, folder: str, *, report: Callable[[Path], None], deep: bool = True) -> None:
        """Remove what a crash left half-written beneath ``folder``, or only in it; nothing where that is a link."""
        if not (folder and self._is_linked(folder)):
            remove_temporary(self.root / folder, report=report, deep=deep)

    def _place(self, path: str) -> Path:
        """Return where a blob lies; BlobOutside when ``path`` is not the place of one, or leads out of the archive."""
        place.require_shape(path, self.root)
        place.require_no_link(self.root, path)
        return self.root / path

    def _require_of(self, path: str, archive_id: str) -> None:
        if not self.is_of(path, archive_id):
            raise BlobOutside(
                f"{self.root}: {path!r} is not the place of a blob of {archive_id}; nothing is removed there"
            )

    @contextmanager
    def _present(self, path: str) -> Iterator[Path]:
        try:
            yield self._place(path)
        except FileNotFoundError as exc:
            raise BlobMissing(f"{self.root / path}: the blob is missing; restore this file from a backup") from exc
