"""Decisions that no blob records, in files beside the catalog: a catalog that is rebuilt from the blobs applies them.

Each line is the CRC-32 (hex) of the rest of the line, a space, and JSON. A line that a crash cut short is ignored.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pywats_archive.archive.copies.place import in_archive
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.blobs.durable import replace_lines
from pywats_archive.blobs.reserve import NO_ROOM
from pywats_archive.errors import StorageError
from pywats_archive.models.ids import id_in, is_archive_id

_ERASED = "erased"


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


def note_erasure(archive: Archive, archive_ids: Sequence[str], *, reason: str, actor: str) -> None:
    """Note the entries that are about to be erased, durably; OSError. It must already be in the catalog."""
    note = {"at": archive.now().isoformat(), "archive_ids": sorted(archive_ids)}
    archive.blobs.files.append(layout.PURGED, _line({**note, _ERASED: {"reason": reason, "actor": actor}}))


def erased(root: Path) -> dict[str, tuple[str, str]]:
    """Return the entries that were about to be erased, each with the reason and who erased it."""
    found: dict[str, tuple[str, str]] = {}
    for note in _notes(root / layout.PURGED):
        if isinstance(why := note.get(_ERASED), dict):
            found |= {str(each): (str(why.get("reason")), str(why.get("actor"))) for each in note["archive_ids"]}
    return found


def entry_of(path: str) -> str:
    """Return the id of the entry whose blob is at ``path``."""
    return id_in(path)


def _append_at_need(archive: Archive, line: bytes) -> None:
    archive.reserve.release()
    try:
        archive.blobs.files.append(layout.PURGED, line)
    except OSError as exc:
        if exc.errno not in NO_ROOM:
            raise


def forget_purges(archive: Archive) -> None:
    """Remove the notes of purges once all their blobs are removed; leftover notes do no harm.

    Notes since the oldest copy of the catalog stay: a catalog that is rebuilt from a copy does not know of these purges. Those
    of erasures stay for good: a copy elsewhere, or a bag, may be older than that.
    """
    oldest = min(in_archive(archive.root).copies(), default=None)

    def stays(note: dict[str, Any]) -> bool:
        return _ERASED in note or (oldest is not None and _noted_at(note) >= oldest.at.isoformat())

    path = archive.root / layout.PURGED
    with suppress(OSError):
        if oldest is None and not any(map(stays, _notes(path))):
            archive.blobs.files.free(layout.PURGED)
        elif not all(map(stays, _notes(path))):
            replace_lines(archive.blobs.files, layout.PURGED, map(_line, filter(stays, _notes(path))))


def purged_ids(root: Path) -> frozenset[str]:
    """Return the entries whose blobs were about to be removed; some blobs may still exist."""
    return frozenset(purged(root))


def purged(root: Path) -> dict[str, datetime]:
    """Return the entries whose blobs were about to be removed, and when."""
    found: dict[str, datetime] = {}
    for note in _notes(root / layout.PURGED):
        with suppress(ValueError):
            at = datetime.fromisoformat(_noted_at(note))
            for archive_id in note.get("archive_ids", ()):
                if isinstance(archive_id, str) and is_archive_id(archive_id):
                    found.setdefault(archive_id, at)
    return found


def _noted_at(note: dict[str, Any]) -> str:
    return str(note.get("at"))


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
