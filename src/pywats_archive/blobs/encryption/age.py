"""The header of an age file, version 1 (https://c2sp.org/age), with X25519 recipients.

It also has one stanza of our own, which other programs ignore: the digest of the encrypted bytes, so that damage is found
without a key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from pywats_archive.blobs.encryption.keys import KEY_BYTES, Identity, Recipient, derived
from pywats_archive.blobs.encryption.payload import FILE_KEY_BYTES, TAG_BYTES

MAGIC = b"age-encryption.org/v1\n"
MOST_HEADER_BYTES = 65_536
"""What is read of a file to find the end of its header; room for ``MOST_RECIPIENTS``, and some of another program."""
MOST_RECIPIENTS = 500
"""With more, a header could become too long to be read."""
_X25519, _DIGEST = "X25519", "pywats-archive-sha256"
_INFO = b"age-encryption.org/v1/X25519"
_ONLY_ONCE = b"\0" * 12
"""The nonce where a key encrypts one thing only."""
_WRAPPED_BYTES = FILE_KEY_BYTES + TAG_BYTES
_LINE = 64
_END = b"---"


@dataclass(frozen=True, slots=True)
class Stanza:
    """One way to the key of a file, or something that other programs skip."""

    arguments: tuple[str, ...]
    body: bytes

    def encoded(self) -> bytes:
        text = _base64(self.body)
        lines = [text[at : at + _LINE] for at in range(0, len(text) + 1, _LINE)]
        return b"-> " + " ".join(self.arguments).encode("ascii") + b"\n" + b"".join(line + b"\n" for line in lines)


def wrapped(file_key: bytes, recipients: Sequence[Recipient]) -> bytes:
    """Return the beginning of a header: the key of the file for each recipient."""
    return MAGIC + b"".join(_wrapped(file_key, each).encoded() for each in recipients)


def _wrapped(file_key: bytes, recipient: Recipient) -> Stanza:
    ephemeral = X25519PrivateKey.generate()
    share = ephemeral.public_key().public_bytes_raw()
    key = _wrapping(ephemeral, recipient.public, share, recipient.public)
    return Stanza((_X25519, _base64(share).decode()), ChaCha20Poly1305(key).encrypt(_ONLY_ONCE, file_key, None))


def _wrapping(own: X25519PrivateKey, other: bytes, share: bytes, recipient: bytes) -> bytes:
    """Return the key that encrypts the key of a file; ValueError for a point of low order."""
    return derived(own.exchange(X25519PublicKey.from_public_bytes(other)), salt=share + recipient, info=_INFO)


def closed(beginning: bytes, file_key: bytes, *, first_bytes: int, digest: bytes) -> bytes:
    """Return the whole header: ``beginning``, the digest, and the code that binds all of it to the key."""
    stanza = Stanza((_DIGEST, f"{first_bytes:06d}"), digest)
    text = beginning + stanza.encoded() + _END
    return text + b" " + _base64(_code(file_key, text)) + b"\n"


@lru_cache(maxsize=8)
def header_bytes(recipients: int) -> int:
    """Return the length of a header for this number of recipients."""
    share = _base64(b"\0" * KEY_BYTES).decode()
    stanza = Stanza((_X25519, share), b"\0" * _WRAPPED_BYTES).encoded()
    return len(closed(MAGIC + stanza * recipients, b"", first_bytes=0, digest=b"\0" * KEY_BYTES))


def _code(file_key: bytes, text: bytes) -> bytes:
    return hmac.digest(derived(file_key, salt=b"", info=b"header"), text, hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Header:
    """A header that was read."""

    stanzas: tuple[Stanza, ...]
    text: bytes
    """The bytes that the authentication code covers."""
    code: bytes
    length: int
    beginning: bytes
    """All before the digest."""

    def file_key(self, identities: Sequence[Identity]) -> bytes | None:
        """Return the key of the file; None if no identity is a recipient, ValueError if the header was changed."""
        found = next((key for each in identities for key in self._opened_by(each)), None)
        if found is not None and not hmac.compare_digest(_code(found, self.text), self.code):
            raise ValueError("its header was changed")
        return found

    def _opened_by(self, identity: Identity) -> Iterator[bytes]:
        for stanza in self.stanzas:
            if stanza.arguments[0] == _X25519 and len(stanza.arguments) == 2 and len(stanza.body) == _WRAPPED_BYTES:
                share = _bytes(stanza.arguments[1].encode("ascii"))
                try:
                    key = _wrapping(identity.key, share, share, identity.public)
                    yield ChaCha20Poly1305(key).decrypt(_ONLY_ONCE, stanza.body, None)
                except InvalidTag:  # another recipient's
                    continue

    @property
    def digest(self) -> tuple[int, bytes] | None:
        """How many of the encrypted bytes are hashed last, and the digest; None in a file of another program."""
        for stanza in self.stanzas:
            if stanza.arguments[0] == _DIGEST and len(stanza.arguments) == 2:
                return int(stanza.arguments[1]), stanza.body
        return None


def parse_header(data: bytes) -> Header:
    """Read the header at the beginning of ``data``; ValueError if there is none, or if it is damaged."""
    end = data.find(b"\n" + _END + b" ") + 1
    line_end = data.find(b"\n", end)
    if not data.startswith(MAGIC) or end <= 0 or line_end < 0:
        raise ValueError("it does not begin like an encrypted file")
    lines = data[len(MAGIC) : end].split(b"\n")[:-1]
    stanzas = tuple(_stanzas(lines))
    at = data.find(b"-> " + _DIGEST.encode())
    return Header(
        stanzas=stanzas,
        text=data[: end + len(_END)],
        code=_bytes(data[end + len(_END) + 1 : line_end]),
        length=line_end + 1,
        beginning=data[: at if 0 < at < end else end],
    )


def _stanzas(lines: Sequence[bytes]) -> Iterator[Stanza]:
    following = iter(lines)
    for line in following:
        arguments = tuple(line.decode("ascii").split(" "))
        if arguments[0] != "->" or len(arguments) < 2 or "" in arguments:
            raise ValueError("its header is damaged")
        body = b""
        for text in following:
            body += text
            if len(text) < _LINE:
                break
        else:
            raise ValueError("its header is damaged")
        yield Stanza(arguments[1:], _bytes(body))


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    data = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    if _base64(data) != text:
        raise ValueError("its header is damaged")
    return data
