"""Reads blobs: their headers, their content, and what can be saved of a damaged one."""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path
from typing import BinaryIO

from isal import igzip, isal_zlib

from pywats_archive.blobs import header, place
from pywats_archive.blobs.codec import crc32
from pywats_archive.blobs.header import ALGORITHM, Label
from pywats_archive.blobs.writing import TRAILER
from pywats_archive.errors import BlobDamaged, BlobLocked, BlobMissing, BlobOutside
from pywats_archive.portable import volumes

_IsalError: type[Exception] = isal_zlib.error  # type: ignore[assignment, unused-ignore]
CHUNK_BYTES = 1 << 20
_GZIP = 31
_SALVAGED_AT_ONCE = 64


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
class BlobHeader:
    """What a blob shows without being read from end to end."""

    label: Label
    compressed_size_bytes: int
    size_bytes_mod_4g: int
    """Size of the content modulo 2³², as the last four bytes have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much a blob takes."""

    stored_bytes: int
    disk_bytes: int
    """Its disk space, or its share of a blob with several names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenBlob:
    """A blob that is open to be read."""

    label: Label
    sizes: Sizes
    chunks: Iterator[bytes]
    """Its original bytes, to be read once; BlobDamaged names it."""


def measure(chunks: Iterable[bytes]) -> Content:
    """Return checksum and size of bytes, without keeping them."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return Content(sha256=digest.hexdigest(), size_bytes=size)


class BlobReader:
    """Reads the blobs of one archive; every path is checked before anything is opened."""

    suffix = ""
    """What the names of all blobs end with, behind ``.gz``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> Iterator[bytes]:
        """Stream the original bytes of a blob; BlobMissing or BlobDamaged names it."""
        with self._present(path) as whole, self._open(whole) as file:
            yield from self._decompressed(path, file)

    @contextmanager
    def opened(self, path: str) -> Iterator[OpenBlob]:
        """Open a blob once for all that it says; BlobMissing or BlobDamaged names it."""
        with self._present(path) as whole, self._open(whole) as file:
            label = header.read_label(file, whole)
            file.seek(0)
            yield OpenBlob(label=label, sizes=_sizes(whole), chunks=self._decompressed(path, file))

    def _decompressed(self, path: str, file: BinaryIO) -> Iterator[bytes]:
        try:
            stream = igzip.IGzipFile(fileobj=file, mode="rb")  # type: ignore[no-untyped-call]
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
        except (EOFError, BadGzipFile, _IsalError) as exc:
            raise BlobDamaged(f"{self.root / path}: {exc}; restore this file from a backup") from exc

    def read_checked(self, path: str, checksum: str) -> Iterator[bytes]:
        """Stream the original bytes; BlobDamaged after the last one if they do not match ``checksum``."""
        return self.checked(path, self.read(path), checksum)

    def checked(self, path: str, chunks: Iterable[bytes], checksum: str) -> Iterator[bytes]:
        """Stream what was read of a blob; BlobDamaged after the last byte if all do not match ``checksum``."""
        digest = hashlib.sha256()
        for chunk in chunks:
            digest.update(chunk)
            yield chunk
        found = f"{ALGORITHM}:{digest.hexdigest()}"
        if found != checksum:
            raise BlobDamaged(
                f"{self.root / path}: {found}, recorded was {checksum}; keep the file and restore a backup"
            )

    def salvage(self, path: str) -> Iterator[bytes]:
        """Stream what can be read of a damaged blob, up to the damage; BlobMissing names it. Checks nothing."""
        stream = zlib.decompressobj(wbits=_GZIP)
        with self._present(path) as whole, self._open(whole) as file, suppress(zlib.error, OSError):
            while piece := file.read(_SALVAGED_AT_ONCE):
                if data := stream.decompress(piece):
                    yield data

    def check(self, path: str, checksum: str) -> None:
        """Read a blob from end to end; BlobMissing or BlobDamaged if it is not sound."""
        for _ in self.read_checked(path, checksum):
            pass

    locked: BlobLocked | None = None
    """Why the last blob that was opened stayed closed: it is encrypted, and the key is not here."""

    def check_encrypted(self, path: str) -> None:
        """Check the digest of an encrypted blob, without a key; BlobMissing or BlobDamaged if it is not sound."""

    def encrypted_fault(self, path: str) -> str | None:
        """Return what ``check_encrypted`` finds; None if nothing."""
        try:
            self.check_encrypted(path)
        except (BlobDamaged, BlobMissing, OSError) as exc:
            return str(exc)
        return None

    def named(self, path: str) -> str:
        """Return the path of a blob as this archive names it."""
        return path if path.endswith(self.suffix) else path + self.suffix

    def label(self, path: str) -> Label:
        """Read a blob's label; BlobMissing or BlobDamaged names it."""
        with self._present(path) as whole, self._open(whole) as stream:
            return header.read_label(stream, whole)

    def read_header(self, path: str) -> BlobHeader:
        """Read only a blob's header and its end; BlobMissing or BlobDamaged names it."""
        with self._present(path) as whole, self._open(whole) as stream:
            label = header.read_label(stream, whole)
            length = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, length - TRAILER.size))
            end = stream.read().rjust(TRAILER.size, b"\0")
        return BlobHeader(label=label, compressed_size_bytes=length, size_bytes_mod_4g=TRAILER.unpack(end)[1])

    def is_unchanged(self, path: str, label: Label) -> bool:
        """Whether every byte after the header is unchanged; True if ``label`` does not say."""
        crc = 0
        with self._present(path) as whole, self._open(whole) as stream:
            stream.seek(label.header_bytes)
            while chunk := stream.read(CHUNK_BYTES):
                crc = crc32(chunk, crc)
        return label.body_crc32 in (None, crc)

    def stored_size(self, path: str) -> int:
        """Return the size of a blob as it is stored; BlobMissing names it."""
        with self._present(path) as whole:
            return whole.stat().st_size

    def stored_bytes(self, path: str) -> bytes:
        """Return a blob as it is stored; BlobMissing, or BlobDamaged if its bytes were changed since it was written."""
        with self._present(path) as whole:
            content = whole.read_bytes()
        self._require_as_written(io.BytesIO(content), path)
        return content

    def stored_file(self, path: str) -> Path:
        """Return the file of a blob that may be too large for the memory; the errors are those of ``stored_bytes``."""
        with self._present(path) as whole, whole.open("rb") as file:
            self._require_as_written(file, path)
        return whole

    def _require_as_written(self, file: BinaryIO, path: str) -> None:
        """Compare a blob with the checksum in its header; one of an early version, without it, is decompressed."""
        whole = self.root / path
        label, crc = header.read_label(file, whole), 0
        if label.body_crc32 is None:
            self.check(path, label.checksum)
            return
        file.seek(label.header_bytes)
        while chunk := file.read(CHUNK_BYTES):
            crc = crc32(chunk, crc)
        if crc != label.body_crc32:
            raise BlobDamaged(f"{whole}: its bytes were changed; restore this file from a backup")

    def disk_size(self, path: str) -> int:
        """Return the disk space of a blob in bytes, or its share of a blob with several names; OSError."""
        return self.sizes(path).disk_bytes

    def sizes(self, path: str) -> Sizes:
        """Return the sizes of a blob; OSError."""
        return _sizes(self._place(path))

    def is_of(self, path: str, archive_id: str) -> bool:
        """Whether ``path`` is a place for a blob of this entry."""
        return place.is_of_entry(path, archive_id)

    def is_linked(self, paths: Iterable[str]) -> bool:
        """Whether a folder of one of these blobs, or one of its parents within the archive, is a link."""
        return any(self._is_linked(folder) for folder in {path.rpartition("/")[0] for path in paths})

    def _is_linked(self, folder: str) -> bool:
        try:
            place.require_no_link(self.root, folder)
        except BlobOutside:
            return True
        return False

    def paths(self, folder: str) -> Iterator[str]:
        """Stream the blobs beneath ``folder``, in the order of their paths; none if that is a link."""
        if folder and self._is_linked(folder):
            return
        for parent, folders, names in os.walk(self.root / folder):
            folders.sort()
            for name in sorted(n for n in names if n.endswith(f".gz{self.suffix}")):
                yield Path(parent, name).relative_to(self.root).as_posix()

    def _open(self, whole: Path) -> BinaryIO:
        """Open the ``.gz`` of a blob."""
        return whole.open("rb")

    def _place(self, path: str) -> Path:
        """Return the whole path of a blob; BlobOutside if ``path`` is not a blob's place, or leads out of the archive."""
        place.require_shape(path, self.root)
        place.require_no_link(self.root, path)
        return self.root / path

    @contextmanager
    def _present(self, path: str) -> Iterator[Path]:
        try:
            yield self._place(path)
        except FileNotFoundError as exc:
            raise BlobMissing(f"{self.root / path}: the blob is missing; restore this file from a backup") from exc


def _sizes(where: Path) -> Sizes:
    status = where.stat()
    disk_bytes = volumes.allotted_bytes(status, where) // max(status.st_nlink, 1)
    return Sizes(stored_bytes=status.st_size, disk_bytes=disk_bytes)
