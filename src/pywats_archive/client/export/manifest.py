"""What a zip holds: each file with its entry and checksum, and what is missing; on disk once it is long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO

MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
_IN_MEMORY, _PIECE = 1 << 20, 1 << 16


class Manifest:
    """Collects the files of a zip; a context manager. Its own two files come last."""

    def __init__(self, *, made_at: datetime, made_by: str, entries: int) -> None:
        self._list: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (closed at the end)
        self._sums: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (closed at the end)
        head = {"made_at": made_at.isoformat(), "made_by": made_by, "entries": entries}
        self._list.write(json.dumps(head)[:-1].encode() + b', "files": [')
        self._separator = b"\n"

    def add(
        self,
        archive_id: str,
        kind: str,
        *,
        name: str | None,
        original: str,
        size_bytes: int = 0,
        sha256: str | None = None,
        error: str | None = None,
    ) -> None:
        """Note a file, or one that is missing; a damaged one has an ``error`` and is not among the sums."""
        noted = {
            "file": name,
            "archive_id": archive_id,
            "kind": kind,
            "original": original,
            "size_bytes": size_bytes,
            "sha256": sha256,
            "error": error,
        }
        self._list.write(self._separator + json.dumps(noted).encode())
        self._separator = b",\n"
        if sha256 and name and not error:
            self._sums.write(f"{sha256}  {name}\n".encode())

    def files(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Return the names and contents of the manifest and of the sums, once nothing more is added."""
        self._list.write(b"\n]}\n")
        for name, file in ((MANIFEST, self._list), (SUMS, self._sums)):
            file.seek(0)
            yield name, iter(lambda file=file: file.read(_PIECE), b"")  # type: ignore[misc]

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._list.close()
        self._sums.close()
