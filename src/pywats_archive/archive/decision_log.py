"""Decisions that no blob records, in files beside the catalog: a catalog that is rebuilt from the blobs applies them.

Each line is the CRC-32 (hex) of the rest of the line, a space, and JSON. A line that a crash cut short is ignored.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.blobs.reserve import NO_ROOM
from pywats_archive.errors import StorageError
from pywats_archive.models.ids import ARCHIVE_ID_LENGTH, is_archive_id


def note_purge(archive: Archive, paths: Sequence[str]) -> None:
    """Note the entries whose blobs are about to be removed, durably; OSError. The purge must already be in the catalog.

    If the disk is full, the reserve is released for the note. If that is not enough, only the catalog records
    the purge.
    """
    ids = sorted({entry_of(path) for path in paths})
    line = _line({"at": archive.now().isoformat(), "archive_ids": ids})
    try:
        archive.blobs.files.append(layout.PURGED, line)
    except OSError as exc:
        if exc.errno not in NO_ROOM:
            raise
        _append_at_need(archive, line)


def entry_of(path: str) -> str:
    """Return the id of the entry whose blob is at ``path``."""
    return path.rpartition("/")[2][:ARCHIVE_ID_LENGTH]


def _append_at_need(archive: Archive, line: bytes) -> None:
    archive.reserve.release()
    try:
        archive.blobs.files.append(layout.PURGED, line)
    except OSError as exc:
        if exc.errno not in NO_ROOM:
            raise


def forget_purges(archive: Archive) -> None:
    """Remove the notes of purges once all their blobs are removed; leftover notes do no harm."""
    with suppress(OSError):
        archive.blobs.files.free(layout.PURGED)


def purged_ids(root: Path) -> frozenset[str]:
    """Return the entries whose blobs were about to be removed; some blobs may still exist."""
    noted = (archive_id for note in _notes(root / layout.PURGED) for archive_id in note.get("archive_ids", ()))
    return frozenset(each for each in noted if isinstance(each, str) and is_archive_id(each))


def note_rollback(archive: Archive, archive_id: str, paths: Sequence[str]) -> None:
    """Note which reports of an entry are about to be rolled back, durably; StorageError."""
    line = _line({"at": archive.now().isoformat(), "archive_id": archive_id, "reports": list(paths)})
    try:
        archive.blobs.files.append(layout.ROLLED_BACK, line)
    except OSError as exc:
        message = f"cannot be written ({exc.strerror or exc}); nothing of {archive_id} is rolled back"
        raise StorageError(f"{archive.root / layout.ROLLED_BACK}: {message}") from exc


def rolled_back(root: Path) -> frozenset[str]:
    """Return the paths of all reports that were rolled back."""
    noted = (path for note in _notes(root / layout.ROLLED_BACK) for path in note.get("reports", ()))
    return frozenset(each for each in noted if isinstance(each, str))


def _line(note: dict[str, Any]) -> bytes:
    text = json.dumps(note, separators=(",", ":")).encode("ascii")
    return b"%08x " % zlib.crc32(text) + text


def _notes(path: Path) -> Iterator[dict[str, Any]]:
    """Stream the notes, ignoring incomplete lines; StorageError if the file cannot be read."""
    try:
        with path.open("rb") as stream:
            for line in stream:
                digits, _, text = line.rstrip(b"\n").partition(b" ")
                if digits == b"%08x" % zlib.crc32(text):
                    yield json.loads(text)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StorageError(f"{path}: cannot be read ({exc.strerror or exc}); check the disk and its rights") from exc
