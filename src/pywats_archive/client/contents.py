"""Archived bytes as files that a program reads: from the archive, or from the vault if the archive does not have them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol

from pywats_archive.archive.core import Archive
from pywats_archive.errors import ArchiveError, BlobMissing, TooManyAtOnce

Reading = Callable[[Archive], Iterator[bytes]]
"""Begins to read bytes of an entry; BlobMissing if the archive does not have them."""


class FromVault(Protocol):
    """Lets a block read an archive, in which files of an entry come from the vault."""

    def __call__(self, archive: Archive, archive_id: str, only: str | None = None) -> AbstractContextManager[Archive]:
        """Fetch all files of the entry, or ``only`` the blob with this path."""


class ArchivedFile(io.BufferedReader):
    """Archived bytes as a binary file for reading; what a chunk raises, its ``read`` raises."""

    vault: str | None = None
    """The vault that the bytes come from; None if they come from the archive."""


class _Chunks(io.RawIOBase):
    """Chunks as a raw stream."""

    def __init__(self, chunks: Iterator[bytes], lent: ExitStack) -> None:
        self._chunks = chunks
        self._lent = lent
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Let go of what the chunks come from."""
        self._chunks = iter(())
        self._lent.close()
        super().close()

    def readinto(self, target: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(target), len(self._rest))
        target[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def stream(chunks: Iterator[bytes], lent: ExitStack | None = None) -> ArchivedFile:
    """Return chunks as a file, which closes ``lent`` when it is closed."""
    return ArchivedFile(_Chunks(chunks, lent or ExitStack()), buffer_size=1 << 16)


def opened(
    archive: Archive,
    archive_id: str,
    read: Reading,
    path_of: Callable[[Archive], str],
    vault_of: Callable[[], FromVault | None],
) -> ArchivedFile:
    """Return bytes of an entry as a file: from the archive, or from the vault if the archive no longer has them.

    Only the blob at ``path_of`` is fetched from the vault, and nothing if the archive never had that blob.
    """
    try:
        return stream(read(archive))
    except BlobMissing as exc:
        missing = exc
    if not (path := path_of(archive)):
        raise missing
    try:
        vault = vault_of()
        file = _fetched(vault(archive, archive_id, path), read) if vault else None
    except TooManyAtOnce:
        raise
    except ArchiveError as exc:
        raise BlobMissing(f"{missing}; reading it from the vault failed: {exc}") from exc
    if file is None:
        raise missing
    return file


def _fetched(borrowing: AbstractContextManager[Archive], read: Reading) -> ArchivedFile:
    with ExitStack() as lent:
        fetched = lent.enter_context(borrowing)
        file = stream(read(fetched), lent.pop_all())
        file.vault = fetched.vault
        return file
