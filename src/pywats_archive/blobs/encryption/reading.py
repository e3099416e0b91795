"""The plain bytes of an encrypted file, and what can be said of it without a key."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from typing import Any, BinaryIO

from pywats_archive.blobs.encryption import age
from pywats_archive.blobs.encryption.keys import Identity
from pywats_archive.blobs.encryption.payload import CHUNK_BYTES, NONCE_BYTES, SEALED_BYTES, FileKey, plain_size
from pywats_archive.errors import BlobDamaged, BlobLocked

_AT_ONCE = 1 << 20


class PlainFile(io.RawIOBase):
    """The plain bytes of an encrypted file, which can be read from any place; one chunk of it is in memory.

    BlobLocked if no identity opens it. BlobDamaged names the damaged block; bytes before it are read all the same.
    """

    def __init__(self, file: BinaryIO, path: object, identities: Sequence[Identity]) -> None:
        super().__init__()
        self._file = file
        self._path = path
        self._chunk: tuple[int, bytes] = (-1, b"")
        self._place = 0
        try:
            header = _header(file)
            if (key := header.file_key(identities)) is None:
                raise BlobLocked(f"{path}: none of your keys opens it; use the key of its station, or the recovery key")
            self._start = header.length + NONCE_BYTES
            self.size_bytes = plain_size(file.seek(0, os.SEEK_END) - self._start)
            file.seek(header.length)
            self._payload = FileKey(key, file.read(NONCE_BYTES)).payload()
        except ValueError as exc:
            raise _damaged(path, exc) from exc
        self._last = max(0, -(-self.size_bytes // CHUNK_BYTES) - 1)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self.size_bytes}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        number, at = divmod(self._place, CHUNK_BYTES)
        if self._place >= self.size_bytes:
            return 0
        piece = memoryview(self._read_chunk(number))[at : at + len(buffer)]
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def _read_chunk(self, number: int) -> bytes:
        if self._chunk[0] != number:
            self._file.seek(self._start + number * SEALED_BYTES)
            sealed = self._file.read(SEALED_BYTES)
            try:
                self._chunk = number, self._payload.decrypt(number, sealed, is_last=number == self._last)
            except ValueError as exc:
                raise _damaged(self._path, exc) from exc
        return self._chunk[1]

    def close(self) -> None:
        self._file.close()
        super().close()


def require_unchanged(file: BinaryIO, path: object) -> None:
    """Compare the encrypted bytes with their digest, which needs no key; BlobDamaged if they differ."""
    try:
        header = _header(file)
        if header.digest is None:
            raise ValueError("it has no digest")
        first_bytes, expected = header.digest
        digest = hashlib.sha256()
        file.seek(header.length + first_bytes)
        while piece := file.read(_AT_ONCE):
            digest.update(piece)
        file.seek(header.length)
        first = file.read(first_bytes)
        digest.update(first)
        digest.update(header.beginning)
        if len(first) != first_bytes or digest.digest() != expected:
            raise ValueError("its encrypted bytes were changed")
    except ValueError as exc:
        raise _damaged(path, exc) from exc


def _header(file: BinaryIO) -> age.Header:
    file.seek(0)
    return age.parse_header(file.read(age.MOST_HEADER_BYTES))


def _damaged(path: object, exc: ValueError) -> BlobDamaged:
    return BlobDamaged(f"{path}: {exc}; restore this file from a backup")
