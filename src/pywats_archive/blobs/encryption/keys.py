"""The keys of age: X25519, as text and as bytes."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from pywats_archive.blobs.encryption import bech32

_RECIPIENT, _IDENTITY = "age", "age-secret-key-"
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Recipient:
    """A public key."""

    public: bytes

    @classmethod
    def parse(cls, text: str) -> Recipient:
        """Read ``age1...``; ValueError."""
        return cls(_decoded(text, _RECIPIENT))

    def __str__(self) -> str:
        return bech32.encode(_RECIPIENT, self.public)


@dataclass(frozen=True, slots=True)
class Identity:
    """A secret key and its public key; ``repr`` shows the public one."""

    key: X25519PrivateKey
    public: bytes

    @classmethod
    def generate(cls) -> Identity:
        """Return a new key."""
        return cls._of(X25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> Identity:
        """Read ``AGE-SECRET-KEY-1...``; ValueError."""
        return cls._of(X25519PrivateKey.from_private_bytes(_decoded(text, _IDENTITY)))

    @classmethod
    def _of(cls, key: X25519PrivateKey) -> Identity:
        return cls(key, key.public_key().public_bytes_raw())

    @property
    def recipient(self) -> Recipient:
        """The public key."""
        return Recipient(self.public)

    def secret_text(self) -> str:
        """Return the secret key as ``AGE-SECRET-KEY-1...``."""
        return bech32.encode(_IDENTITY, self.key.private_bytes_raw()).upper()

    def __repr__(self) -> str:
        return f"Identity({self.recipient})"


def _decoded(text: str, prefix: str) -> bytes:
    found, data = bech32.decode(text.strip())
    if found != prefix or len(data) != KEY_BYTES:
        raise ValueError("it is no X25519 key of age")
    return data


def derived(secret: bytes, *, salt: bytes, info: bytes) -> bytes:
    """Return a key of 32 bytes by HKDF-SHA256 (RFC 5869)."""
    extracted = hmac.digest(salt or b"\0" * KEY_BYTES, secret, hashlib.sha256)
    return hmac.digest(extracted, info + b"\1", hashlib.sha256)
