"""An archive that is restored from portions of its history, in a folder of its own, which gets its name at the end."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from pywats_archive.archive.folder import layout
from pywats_archive.archive.folder.description import recreate
from pywats_archive.archive.replica import progress
from pywats_archive.archive.replica.naming import NamedBlobs
from pywats_archive.archive.replica.portion import FILES, MISSING
from pywats_archive.archive.replica.progress import FoundSegment
from pywats_archive.blobs import place
from pywats_archive.blobs.store import BlobStore
from pywats_archive.catalog import events
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.catalog.refilling import EventMark, Refilling, bind_newer, reconcile, refilling, unpurged_paths
from pywats_archive.catalog.refilling import Refilled as Refilled  # noqa: PLC0414 (callers have both from here)
from pywats_archive.errors import BlobDamaged, StorageError, UsageError
from pywats_archive.models.event import Event
from pywats_archive.models.ids import id_in
from pywats_archive.models.time import Clock
from pywats_archive.portable import files, names
from pywats_archive.portable.private import keep_private

KIND = "archive.restored"
"""The kind of the event that ends the history of the vault, and continues it."""
_MODE = 0o400
_UNSAFE = re.compile(r"\.\.|[\\:\0]")
_EVENT = re.compile(rb" event=(\d+) ")


class Remaking:
    """The archive while it is made; portions come newest first."""

    def __init__(self, root: Path, rows: Refilling) -> None:
        self._root = root
        self._rows = rows
        self._folders: set[Path] = set()

    def add_rows(self, lines: Iterable[bytes], first: EventMark, last: EventMark) -> None:
        """Add the rows of a portion; its files come afterwards, since the rows say which of them are wanted.

        ``first`` is the number of its first event and the hash of the event before, ``last`` the number and hash of its last
        one. ValueError if a line is none, or if the events are others: nothing of it is added then.
        """
        self._rows.put(lines, first, last)

    def wants(self, path: str) -> bool:
        """Whether a file belongs into the archive, and is not there yet. UsageError if no archive has such a file."""
        if any(fnmatchcase(path, pattern) and path.count("/") == pattern.count("/") for pattern in FILES):
            return not _UNSAFE.search(path) and not (self._root / path).exists()
        folder = place.require_shape(path, self._root)
        if folder != layout.CONVERTERS and not self._rows.wants(path, id_in(path)):
            return False
        return not (self._root / path).exists()

    def add_file(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a file that is wanted; it is durable once the archive is."""
        if path == layout.ANCHORS:
            chunks = self._anchors(b"".join(chunks))
        whole = self._root / path
        if whole.parent not in self._folders:
            whole.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folders.add(whole.parent)
        is_blob = path.endswith((".gz", ".gz.age"))
        descriptor = os.open(
            whole, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), _MODE if is_blob else 0o600
        )
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.writelines(chunks)
        except BaseException:
            names.unlink(whole)
            raise

    def require_as_archived(self, path: str) -> None:
        """Remove a blob that was added, and raise BlobDamaged, if it is a source or report with another checksum than its row.

        Companions are compared with the checksum in their own header, encrypted blobs with nothing, since no key is here.
        """
        if path.partition("/")[0] not in (layout.SOURCES, layout.REPORTS) or path.endswith(".age"):
            return
        added = BlobStore(self._root)
        try:
            if checksum := self._rows.checksum_of(path, id_in(path)):
                added.check(path, checksum)
            else:
                added.stored_file(path)
        except BlobDamaged:
            names.unlink(self._root / path)
            raise

    def note(self, vault: str, chain: str, segments: Iterable[FoundSegment]) -> None:
        """Note the segments that the archive is made of, once all is there; those of another history are left out.

        Blobs that their events name and that are not here are noted as absent, whatever their descriptions say.
        """
        named = NamedBlobs()
        for each in sorted(segments, key=lambda each: each.segment.first):
            self._rows.apply(partial(self._note, vault=vault, chain=chain, found=each, named=named))

    def _note(self, tx: Connection, *, vault: str, chain: str, found: FoundSegment, named: NamedBlobs) -> None:
        wanted = named.between(tx, found.segment.first, found.segment.last)
        unpurged = [path for path, is_purged in wanted.items() if not is_purged]
        gone = {path: MISSING for path in unpurged if not _exists(self._root, path)}
        progress.note_own(tx, vault, chain, replace(found, absent={**found.absent, **gone}))

    def _anchors(self, lines: bytes) -> Iterator[bytes]:
        """Yield the anchors of events that are here: later ones were made while the segment waited."""
        newest = self._rows.newest_event()
        for line in lines.splitlines(keepends=True):
            found = _EVENT.search(line)
            if found is None or int(found[1]) <= newest:
                yield line


def remake(
    target: Path,
    description: Mapping[str, Any],
    fill: Callable[[Remaking], Mapping[str, Any]],
    *,
    actor: str,
    clock: Clock,
) -> Refilled:
    """Make the archive at ``target``, a folder that is empty or not there; durable once this returns.

    ``fill`` adds everything, and returns what the event that continues the history says. If anything fails, nothing is left.
    """
    building = _new_folder(target)
    try:
        recreate(building, description)
        catalog = Catalog.open(building / layout.CATALOG, clock=clock, for_writing=True)
        try:
            with refilling(catalog) as rows:
                said = fill(Remaking(building, rows))
            found = reconcile(catalog)
            found = replace(found, without_blob=tuple(_without_blob(catalog, building)))
            catalog.write(lambda tx: _continue(tx, found, said, actor=actor, clock=clock))
        finally:
            catalog.close()
        files.sync_tree(building)
        _put_in_place(building, target)
    except BaseException:
        names.remove_tree(building, ignore_errors=True)
        raise
    return found


def _exists(root: Path, path: str) -> bool:
    try:
        return (root / path).exists()
    except (OSError, ValueError):
        return False


def _without_blob(catalog: Catalog, root: Path) -> Iterator[str]:
    """Yield the blobs of sources that are not purged and not here."""
    with catalog.read() as db:
        for path in unpurged_paths(db):
            if not _exists(root, path):
                yield path


def _continue(tx: Connection, found: Refilled, said: Mapping[str, Any], *, actor: str, clock: Clock) -> None:
    gone = bind_newer(tx, found)
    details = {
        **said,
        "entries": found.entries,
        "last_event": found.last,
        "newer_rows": len(found.newer),
        "rows_gone": gone,
    }
    events.append(tx, Event(kind=KIND, at=clock(), actor=actor, details=details))


def _new_folder(target: Path) -> Path:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target}: is not empty; name a folder that does not exist yet")
    building = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        building.mkdir(mode=0o700, parents=True)
        keep_private(building)
    except OSError as exc:
        raise StorageError(f"{building}: cannot be created ({exc.strerror}); check the folder and its rights") from exc
    return building


def _put_in_place(building: Path, target: Path) -> None:
    try:
        if target.exists():
            names.rmdir(target)
        files.rename_folder_exclusive(building, target)
        files.sync_folder(target.parent)
    except OSError as exc:
        raise StorageError(f"{target}: cannot be created ({exc.strerror}); check the folder and its rights") from exc
