"""A file on its way into the archive, encrypted before any byte of it reaches the disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any

from pywats_archive.blobs.encryption import age
from pywats_archive.blobs.encryption.keys import Recipient
from pywats_archive.blobs.encryption.payload import CHUNK_BYTES, NONCE_BYTES, SEALED_BYTES, FileKey
from pywats_archive.blobs.temporary import TemporaryFile, write_all
from pywats_archive.models.step import OnStep

_FIRST = 2
"""The chunks that are encrypted last: they hold the header of the blob (up to 70,000 bytes), which is known last."""
_FIRST_BYTES = _FIRST * CHUNK_BYTES


class EncryptedFile(TemporaryFile):
    """Encrypts what is written. The first 128 KiB of a long file wait in memory: nothing is encrypted twice under one key.

    If it gets another header, all of it is encrypted again under a new key.
    """

    def __init__(self, path: str, on_step: OnStep, *, recipients: Sequence[Recipient]) -> None:
        super().__init__(path, on_step)
        self._recipients = recipients
        self._start_bytes = age.header_bytes(len(recipients)) + NONCE_BYTES
        self._rest = bytearray()
        self._first: bytes | None = None
        self._chunks = 0
        self._has_header = self._is_complete = False
        self._take_new_key()

    def _take_new_key(self) -> None:
        self._key = FileKey.generate()
        self._payload = self._key.payload()
        self._digest: Any = hashlib.sha256()

    def reserve(self, header: bytes) -> None:
        self._has_header = True
        self._rest += header

    def write(self, data: bytes) -> None:
        self._rest += data
        if not self._has_header:  # a short blob, whose header comes last
            return
        if self._first is None and len(self._rest) > _FIRST_BYTES:
            self._first, self._chunks = bytes(self._rest[:_FIRST_BYTES]), _FIRST
            del self._rest[:_FIRST_BYTES]
            super().write(bytes(self._start_bytes + _FIRST * SEALED_BYTES))
        while self._first is not None and len(self._rest) > CHUNK_BYTES:
            super().write(self._sealed(self._chunks, bytes(self._rest[:CHUNK_BYTES]), is_last=False))
            self._chunks += 1
            del self._rest[:CHUNK_BYTES]

    def complete(self, header: bytes, *, is_reserved: bool) -> None:
        if self._is_complete:
            self._encrypt_again(header)
            return
        if self._first is None:
            first = header + bytes(self._rest[len(header) if self._has_header else 0 :])
            chunks = max(1, -(-len(first) // CHUNK_BYTES))
            self._waiting = [
                self._sealed(n, first[n * CHUNK_BYTES : (n + 1) * CHUNK_BYTES], is_last=n == chunks - 1)
                for n in range(_FIRST, chunks)
            ]
        else:
            first, chunks = header + self._first[len(header) :], self._chunks + 1
            super().write(self._sealed(self._chunks, bytes(self._rest), is_last=True))
        super().complete(self._start(first, chunks), is_reserved=self._first is not None)
        self._rest.clear()
        self._is_complete = True

    def _sealed(self, number: int, chunk: bytes, *, is_last: bool) -> bytes:
        sealed = self._payload.encrypt(number, chunk, is_last=is_last)
        self._digest.update(sealed)
        return sealed

    def _start(self, first: bytes, chunks: int) -> bytes:
        """Return what comes before the third of ``chunks``: the header of the file, the nonce, and its first chunks."""
        opening = self._key.nonce + b"".join(
            self._payload.encrypt(n, first[n * CHUNK_BYTES : (n + 1) * CHUNK_BYTES], is_last=n == chunks - 1)
            for n in range(min(_FIRST, chunks))
        )
        beginning = age.wrapped(self._key.key, self._recipients)
        self._digest.update(opening)
        self._digest.update(beginning)
        header = age.closed(beginning, self._key.key, first_bytes=len(opening), digest=self._digest.digest())
        return header + opening

    def _encrypt_again(self, header: bytes) -> None:
        """Replace the header of the blob, which has the same length; the file has no name yet, so a crash removes it."""
        chunks, old = -(-(self._length - self._start_bytes) // SEALED_BYTES), self._payload
        self._take_new_key()

        def plain(number: int) -> bytes:
            os.lseek(self.descriptor, self._start_bytes + number * SEALED_BYTES, os.SEEK_SET)
            return old.decrypt(number, self._read_chunk(), is_last=number == chunks - 1)

        for number in range(_FIRST, chunks):
            sealed = self._sealed(number, plain(number), is_last=number == chunks - 1)
            self._write_at(self._start_bytes + number * SEALED_BYTES, sealed)
        first = b"".join(plain(number) for number in range(min(_FIRST, chunks)))
        self._write_at(0, self._start(header + first[len(header) :], chunks))

    def _read_chunk(self) -> bytes:
        """Read the next chunk; fewer bytes come at the end of the file alone."""
        read = b""
        while len(read) < SEALED_BYTES and (piece := os.read(self.descriptor, SEALED_BYTES - len(read))):
            read += piece
        return read

    def _write_at(self, place: int, data: bytes) -> None:
        self._on_step("write")
        os.lseek(self.descriptor, place, os.SEEK_SET)
        write_all(self.descriptor, data)
