"""The blobs of an encrypted archive: each is an age file with a ``.gz`` in it, and is named ``.gz.age``."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from pywats_archive.blobs.encryption.keys import Identity, Recipient
from pywats_archive.blobs.encryption.payload import CHUNK_BYTES
from pywats_archive.blobs.encryption.reading import PlainFile, require_unchanged
from pywats_archive.blobs.encryption.writing import EncryptedFile
from pywats_archive.blobs.reading import BlobHeader
from pywats_archive.blobs.store import BlobStore
from pywats_archive.errors import BlobDamaged, BlobLocked
from pywats_archive.models.step import OnStep, no_step

SUFFIX = ".age"


class Keys(Protocol):
    """The keys of an archive."""

    @property
    def recipients(self) -> Sequence[Recipient]:
        """Who may open new blobs."""

    def identities(self) -> Sequence[Identity]:
        """Return the secret keys that are here; BlobLocked if there is none."""

    def forget(self) -> None:
        """Read the secret keys again the next time: none of them opened a blob."""


class EncryptedBlobs(BlobStore):
    """All blobs of an encrypted archive. New ones need no secret key; without it, everything else raises BlobLocked."""

    suffix = SUFFIX

    def __init__(
        self, root: Path, keys: Keys, *, on_step: OnStep = no_step, require_root: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(root, on_step=on_step, require_root=require_root, new_file=self._new_file)
        self._keys = keys

    def _new_file(self, path: str, on_step: OnStep) -> EncryptedFile:
        return EncryptedFile(path, on_step, recipients=self._keys.recipients)

    def _open(self, whole: Path) -> BinaryIO:
        file = whole.open("rb", buffering=0)
        try:
            plain = PlainFile(cast("BinaryIO", file), whole, self._keys.identities())
        except BaseException as exc:
            file.close()
            if isinstance(exc, BlobLocked):
                self.locked = exc
                self._keys.forget()
            raise
        self.locked = None
        return io.BufferedReader(plain, CHUNK_BYTES)

    def _require_as_written(self, file: BinaryIO, path: str) -> None:
        require_unchanged(file, self.root / path)

    def read_header(self, path: str) -> BlobHeader:
        found = super().read_header(path)
        return replace(found, compressed_size_bytes=os.stat(self.root / path).st_size)  # noqa: PTH116 (as elsewhere)

    def salvage(self, path: str) -> Iterator[bytes]:
        with suppress(BlobDamaged):
            yield from super().salvage(path)

    def check_encrypted(self, path: str) -> None:
        with self._present(path) as whole, whole.open("rb") as file:
            require_unchanged(file, whole)
