"""A vault in a bucket: S3 and servers that speak its protocol, Azure, Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import KeyMissing, KeyTaken, VaultError, VaultRefused
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.vault.answers import meaning
from pywats_archive.vault.credentials import credentials_of
from pywats_archive.vault.lock import lock_of
from pywats_archive.vault.store import StoredKey, checked
from pywats_archive.vault.stores import PATIENCE_S, connect

_LARGEST_PUT_BYTES = 32_000_000
_PIECE = 8_000_000
_AT_ONCE = 2
"""Parts of a large file that are sent at the same time; memory is that of as many pieces."""
_SMALL = 0
_NO_RANGE = 416


class BucketVault:
    """Objects in a bucket, below a prefix. Each is created by a conditional put that fails if its key is taken.

    A file over 32 MB goes in parts, which obstore cannot make conditional: its key is looked up first. Such keys are named by
    their content, so that two writers would store the same.
    """

    def __init__(
        self,
        settings: VaultSettings,
        *,
        on_step: OnStep = no_step,
        patience_s: float = PATIENCE_S,
        tries_again: bool = False,
    ) -> None:
        assert settings.bucket
        self.url = settings.vault_url
        self._below = f"{settings.bucket.path.strip('/')}/".lstrip("/")
        self._on_step = on_step
        self._ca_file = settings.vault_ca_file
        self._connected = connect(settings, credentials_of(settings), patience_s=patience_s, tries_again=tries_again)

    def put_new(self, key: str, content: bytes) -> None:
        """Store an object durably, under a new key; KeyTaken if the vault has one there."""
        import obstore  # noqa: PLC0415 (an extra that few stations need)

        path = self._path(key)
        self._on_step("put")
        with self._translated(key):
            obstore.put(self._connected(len(content)), path, content, mode="create", use_multipart=False)

    def put_file(self, key: str, path: Path) -> None:
        """Store a file of any size as ``put_new`` does; the bytes stream. OSError if ``path`` cannot be read."""
        import obstore  # noqa: PLC0415 (an extra that few stations need)

        if path.stat().st_size <= _LARGEST_PUT_BYTES:
            self.put_new(key, path.read_bytes())
            return
        if self.size_of(key) is not None:
            raise KeyTaken(f"{self.url}: has {key} already; nothing was replaced")
        target = self._path(key)
        self._on_step("put")
        with path.open("rb") as stream, self._translated(key):
            obstore.put(
                self._connected(_PIECE), target, stream, use_multipart=True, chunk_size=_PIECE, max_concurrency=_AT_ONCE
            )

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Read ``length`` bytes from ``start`` on, or all; fewer where the object ends before. KeyMissing if there is none."""
        return b"".join(self._pieces(key, start, length))

    def stream(self, key: str) -> Iterator[bytes]:
        """Read an object in pieces; KeyMissing if there is none."""
        return self._pieces(key, 0, None)

    def size_of(self, key: str) -> int | None:
        """Return the size of an object in bytes; None if there is none."""
        import obstore  # noqa: PLC0415 (an extra that few stations need)

        try:
            with self._translated(key):
                return obstore.head(self._connected(_SMALL), self._path(key))["size"]
        except KeyMissing:
            return None
        except VaultRefused:
            if self._is_listed(key):
                raise
            return None

    def try_remove(self, key: str) -> bool:
        """Remove an object of a trial; False if the key has no right to, as it should be."""
        import obstore  # noqa: PLC0415 (an extra that few stations need)

        path = self._path(key)
        try:
            with self._translated(key):
                obstore.delete(self._connected(_SMALL), path)
        except VaultRefused:
            return False
        return True

    def locked_until(self, key: str) -> datetime | None:
        """Return until when the vault lets nobody remove an object; None if it names no such lock.

        AWS says so only to a key with the right s3:GetObjectRetention. Azure and Google are not asked.
        """
        return lock_of(self._connected(_SMALL), self._path(key), ca_file=self._ca_file)

    def keys(self, prefix: str, *, after: str = "") -> Iterator[StoredKey]:
        """Yield the objects below a folder (``""``: all of them), in a folder by name, those after ``after`` only."""
        import obstore  # noqa: PLC0415 (an extra that few stations need)

        whole = self._below + (checked(prefix) if prefix else "")
        offset = self._below + after if after else None
        with self._translated(prefix):
            for chunk in obstore.list(self._connected(_SMALL), whole.rstrip("/") or None, offset=offset):
                for each in chunk:
                    key = each["path"].removeprefix(self._below)
                    yield StoredKey(key=key, size_bytes=each["size"], at=each["last_modified"])

    def _is_listed(self, key: str) -> bool:
        """Whether the list has a key.

        S3 answers 403 for a missing key to whoever may list only a prefix, as least rights do (AWS, "HeadObject").
        """
        before = key[:-1]
        behind = self.keys(key.rpartition("/")[0], after="" if before.endswith("/") else before)
        return next((each.key == key for each in behind if each.key >= key), False)

    def _pieces(self, key: str, start: int, length: int | None) -> Iterator[bytes]:
        import obstore  # noqa: PLC0415 (an extra that few stations need)

        end = None if length is None else start + length
        while end is None or start < end:
            until = start + _PIECE if end is None else min(end, start + _PIECE)
            try:
                with self._translated(key):
                    store = self._connected(until - start)
                    found = obstore.get(store, self._path(key), options={"range": (start, until)})
                    piece, size = bytes(found.bytes()), found.meta["size"]
            except _BeyondTheEnd:
                return
            except _NoParts:
                with self._translated(key):
                    whole = obstore.get(self._connected(_LARGEST_PUT_BYTES), self._path(key)).bytes()
                yield bytes(whole)[start:end]
                return
            except VaultRefused:
                if self._is_listed(key):
                    raise
                raise KeyMissing(f"{self.url}: has no {key}") from None
            yield piece
            start, end = until, size if end is None else min(end, size)

    def _path(self, key: str) -> str:
        return self._below + checked(key)

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        import obstore.exceptions  # noqa: PLC0415 (an extra that few stations need)

        try:
            yield
        except (obstore.exceptions.BaseError, FileNotFoundError) as exc:
            if f"status code: {_NO_RANGE}" in str(exc):
                raise _BeyondTheEnd from exc
            if "NotPartial" in str(exc):
                raise _NoParts from exc
            raise meaning(exc, self.url, key) from exc


class _NoParts(VaultError):
    """A server that sends the whole object for a range that covers all of it, as HTTP allows."""


class _BeyondTheEnd(VaultError):
    """A range that begins after the end of its object."""
