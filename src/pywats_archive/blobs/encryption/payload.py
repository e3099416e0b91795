"""The payload of an age file: chunks of 64 KiB, each encrypted under its number."""

from __future__ import annotations

import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from pywats_archive.blobs.encryption.keys import derived

CHUNK_BYTES = 65_536
"""Plain bytes of a chunk; only the last one may have fewer."""
TAG_BYTES = 16
NONCE_BYTES = 16
SEALED_BYTES = CHUNK_BYTES + TAG_BYTES
FILE_KEY_BYTES = 16


@dataclass(frozen=True, slots=True, repr=False)
class FileKey:
    """The key and nonce of one version of one file."""

    key: bytes
    nonce: bytes

    @classmethod
    def generate(cls) -> FileKey:
        """Return a new key."""
        return cls(os.urandom(FILE_KEY_BYTES), os.urandom(NONCE_BYTES))

    def payload(self) -> Payload:
        """Return the cipher of the chunks."""
        return Payload(derived(self.key, salt=self.nonce, info=b"payload"))


class Payload:
    """Encrypts and decrypts the chunks of one file."""

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)

    def encrypt(self, number: int, chunk: bytes, *, is_last: bool) -> bytes:
        """Return the encrypted chunk, which is 16 bytes longer; no number may be encrypted twice."""
        return self._cipher.encrypt(_nonce(number, is_last=is_last), chunk, None)

    def decrypt(self, number: int, chunk: bytes, *, is_last: bool) -> bytes:
        """Return the plain chunk; ValueError if a byte of it, its place, or the end of the file was changed."""
        try:
            return self._cipher.decrypt(_nonce(number, is_last=is_last), chunk, None)
        except InvalidTag as exc:
            first = number * CHUNK_BYTES
            raise ValueError(f"block {number + 1} (64 KiB from byte {first:,} on) is damaged") from exc


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if is_last else b"\0")


def sealed_size(plain_bytes: int) -> int:
    """Return the length of so many plain bytes when they are encrypted."""
    return plain_bytes + TAG_BYTES * max(1, -(-plain_bytes // CHUNK_BYTES))


def plain_size(sealed_bytes: int) -> int:
    """Return how many plain bytes there are in ``sealed_bytes``; ValueError if no payload has this length."""
    plain = sealed_bytes - TAG_BYTES * -(-sealed_bytes // SEALED_BYTES)
    if plain < 0 or sealed_size(plain) != sealed_bytes:
        raise ValueError("its end is missing")
    return plain
