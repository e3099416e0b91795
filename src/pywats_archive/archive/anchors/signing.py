"""The station's signing key: an Ed25519 key in a file beside the configuration, for this account alone."""

from __future__ import annotations

import os
import re
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive.anchors import key_store
from pywats_archive.archive.anchors.anchor import Anchor, key_id, signed_text
from pywats_archive.config.keys import PASSPHRASE_VARIABLE
from pywats_archive.errors import ConfigError, StorageError
from pywats_archive.portable.event_log import warn
from pywats_archive.portable.files import read_small
from pywats_archive.portable.placing import write_file
from pywats_archive.portable.private import create_private
from pywats_archive.redaction import know_token

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_FILE = "pywats-archive-signing-key.pem"
_ABOVE = "The passphrase is in the key store of the operating system: pywats-archive, entry "
"""A line above the key, where PEM allows any text."""
_ENTRY = re.compile(re.escape(_ABOVE).encode("ascii") + rb"([0-9a-f]{32})\s")
_PASSPHRASE_BYTES = 32
Ask = Callable[[], str | None]
"""Asks a person for the passphrase; None if there is nobody to ask."""


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Signs with one key."""

    private_key: Ed25519PrivateKey

    @cached_property
    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        return self.private_key.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        """The name of the public key."""
        return key_id(self.public_key)

    @property
    def public_key_pem(self) -> str:
        """The public key as ``openssl`` reads it."""
        return public_key_pem(self.public_key)

    def sign_bytes(self, content: bytes) -> bytes:
        """Return the signature of some bytes: 64 bytes."""
        return self.private_key.sign(content)

    def anchor(self, archive_uuid: str, event: int, hash_: str, at: datetime) -> Anchor:
        """Return the signed anchor of an event; its time is cut to the second."""
        at = at.replace(microsecond=0)
        text = signed_text(archive_uuid, event, hash_, at, self.public_key)
        signature = self.sign_bytes(text)
        return Anchor(
            archive_uuid=archive_uuid, event=event, hash=hash_, at=at, public_key=self.public_key, signature=signature
        )


def load_signer(folder: Path, *, create: bool = True, in_key_store: bool = False, ask: Ask = lambda: None) -> Signer:
    """Read the signing key beside the configuration in ``folder``; create it if there is none, unless ``create`` is False.

    With ``in_key_store``, the passphrase of a new key is random, and lies in the key store of the operating system. ConfigError
    if that fails, or if the passphrase of an encrypted key is missing or wrong.
    """
    path = folder / KEY_FILE
    try:
        if create and not path.exists():
            _create(path, in_key_store=in_key_store)
        content = read_small(path)
    except OSError as exc:
        raise ConfigError(
            f"{path}: the signing key cannot be read or created ({exc.strerror or exc}); check the folder and its rights"
        ) from exc
    return Signer(private_key=_parse(path, content, ask))


def public_key_pem(public_key: bytes) -> str:
    """Return a public key as ``openssl`` reads it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 (seldom needed)
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    key = Ed25519PublicKey.from_public_bytes(public_key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def write_public_key(folder: Path, signer: Signer, *, mtime_ns: int) -> Path:
    """Put the public key into a folder, unless it is there, for ``openssl``; returns its file. StorageError if that fails."""
    path = folder / public_key_name(signer.key_id)
    try:
        if not path.exists():
            write_file([signer.public_key_pem.encode("ascii")], folder, path.name, mtime_ns=mtime_ns)
    except OSError as exc:
        raise StorageError(f"{path}: the public key cannot be written ({exc.strerror or exc}); check the disk") from exc
    return path


def filed_keys(root: Path) -> Iterator[bytes]:
    """Yield the public keys in the files beside a catalog; a file that has none is ignored."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 (seldom needed)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    for path in sorted(root.glob(public_key_name("*"))):
        with suppress(OSError, ValueError, UnsupportedAlgorithm):
            key = load_pem_public_key(read_small(path))
            if isinstance(key, Ed25519PublicKey):
                yield key.public_bytes_raw()


def public_key_name(key: str) -> str:
    """Return the name of the file with a public key."""
    return f"public-key-{key}.pem"


def is_signed(anchor: Anchor) -> bool:
    """Whether the signature of an anchor is valid for its text and key."""
    return is_signature(anchor.signature, anchor.signed, anchor.public_key)


def is_signature(signature: bytes, content: bytes, public_key: bytes) -> bool:
    """Whether a signature of these bytes is valid for this public key."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 (seldom needed)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def is_in_key_store(path: Path) -> bool:
    """Whether the passphrase of a key is in the key store of the operating system; False if there is no key."""
    try:
        return _ENTRY.search(read_small(path)) is not None
    except OSError:
        return False


def _create(path: Path, *, in_key_store: bool) -> None:
    """Create the key file; a key that others may read is better than none, and ``doctor`` names it."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 (seldom needed)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    def warn_of_others(error: OSError) -> None:
        warn("key.not_private", path=str(path), reason=error.strerror or str(error))

    entry = uuid.uuid4().hex if in_key_store else None
    passphrase = secrets.token_urlsafe(_PASSPHRASE_BYTES) if entry else os.environ.get(PASSPHRASE_VARIABLE)
    if entry and passphrase:
        know_token("key_passphrase", passphrase)
        key_store.store(entry, passphrase)  # before the key: a key without its passphrase is lost
    protection = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
    )
    above = f"{_ABOVE}{entry}\n" if entry else ""
    create_private(path, above + pem.decode("ascii").rstrip("\n"), on_shared=warn_of_others)


def _parse(path: Path, content: bytes, ask: Ask) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 (seldom needed)
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    passphrase = None
    if b"ENCRYPTED" in content:
        passphrase = os.environ.get(PASSPHRASE_VARIABLE) or _from_key_store(path, content) or ask()
        if not passphrase:
            raise ConfigError(f"{path}: the signing key has a passphrase; set {PASSPHRASE_VARIABLE}")
    try:
        key = serialization.load_pem_private_key(content, passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        cause = "the passphrase is wrong, or the file is damaged" if passphrase else "the file is damaged"
        raise ConfigError(f"{path}: the signing key cannot be read ({cause}); restore it from a backup") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path}: is no Ed25519 key; restore the key, or move this file away to get a new one")
    return key


def _from_key_store(path: Path, content: bytes) -> str | None:
    """Return the passphrase from the key store, if the file of the key says that it is there."""
    found = _ENTRY.search(content)
    if found is None:
        return None
    remedy = f"use the account that created it, restore its key store, or set {PASSPHRASE_VARIABLE}"
    try:
        passphrase = key_store.fetch(found[1].decode("ascii"))
    except ConfigError as exc:
        raise ConfigError(f"{path}: the passphrase of the signing key cannot be read: {exc}; {remedy}") from exc
    if passphrase is None:
        raise ConfigError(
            f"{path}: the passphrase of the signing key is not in the key store of this account; {remedy}"
        )
    know_token("key_passphrase", passphrase)
    return passphrase
