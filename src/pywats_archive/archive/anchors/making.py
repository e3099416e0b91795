"""Making an anchor: the head of the history is signed, noted beside the catalog, and written into folders elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.archive.anchors.anchor import Anchor, anchors_in
from pywats_archive.archive.anchors.folders import write_into
from pywats_archive.archive.anchors.signing import Signer, write_public_key
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.catalog import events
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import ArchiveError, StorageError
from pywats_archive.models.event import Event
from pywats_archive.models.step import OnStep, no_step

KEY_RECORDED, STAMPED, IDENTIFIED = "key.recorded", "anchor.timestamped", "archive.identified"


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A place without the anchor."""

    place: Path
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """An anchor, and where it is."""

    anchor: Anchor
    written: tuple[Path, ...]
    """Its files elsewhere."""
    failures: tuple[Failure, ...]


def make(
    archive: Archive, signer: Signer, *, folders: Sequence[Path] = (), actor: str = "service", on_step: OnStep = no_step
) -> Made:
    """Sign the head of the history; note the anchor in the archive, and write it into these folders.

    A place that fails does not stop the others. The first anchor with a key records the key as an event. Later reports carry
    the anchor in their headers. ArchiveError if the history cannot be read, or the key cannot be recorded.
    """
    if not archive.is_read_only:
        record_key(archive, signer, actor=actor)
    head = head_of(archive)
    if head is None or head.sequence is None:
        raise StorageError(f"{archive.root}: has no event yet, so there is nothing to sign")
    anchor = signer.anchor(archive.description.archive_uuid, head.sequence, head.hash, archive.now())
    failures = [] if archive.is_read_only else list(_noted(archive, anchor))
    archive.carried_anchor = anchor.carried()
    written, failed = distribute(anchor, folders, on_step=on_step)
    return Made(anchor=anchor, written=written, failures=(*failures, *failed))


def distribute(
    anchor: Anchor, folders: Sequence[Path], *, on_step: OnStep = no_step
) -> tuple[tuple[Path, ...], tuple[Failure, ...]]:
    """Write an anchor into each of these folders; returns its files, and the folders that failed."""
    written, failures = [], []
    for folder in folders:
        try:
            written.append(write_into(folder, anchor, on_step=on_step))
        except (ArchiveError, OSError) as exc:
            failures.append(Failure(place=folder, reason=str(exc)))
    return tuple(written), tuple(failures)


def _noted(archive: Archive, anchor: Anchor) -> Iterator[Failure]:
    try:
        archive.blobs.files.append(layout.ANCHORS, anchor.line.encode("ascii"))
    except (ArchiveError, OSError) as exc:
        yield Failure(place=archive.root / layout.ANCHORS, reason=str(exc))


def record_key(archive: Archive, signer: Signer, *, actor: str) -> None:
    """Record the uuid of the archive and the signing key as events, unless the history has them.

    Without the uuid, another one in archive.json would hide the anchors elsewhere. The public key becomes a file too.
    """

    def unit(tx: Connection) -> bool:
        if not events.without_archive_id(tx, IDENTIFIED):
            described = {
                "archive_uuid": archive.description.archive_uuid,
                "created_at": archive.description.created_at,
            }
            events.append(tx, Event(kind=IDENTIFIED, at=archive.now(), actor=actor, details=described))
        known = events.without_archive_id(tx, KEY_RECORDED)
        previous = str(known[-1].details.get("key")) if known else None
        if previous == signer.key_id:
            return False
        public_key = base64.b64encode(signer.public_key).decode("ascii")
        details = {"key": signer.key_id, "public_key": public_key, "previous": previous}
        events.append(tx, Event(kind=KEY_RECORDED, at=archive.now(), actor=actor, details=details))
        return True

    if signer.key_id in archive.recorded_keys:
        return
    if archive.write(unit):
        write_public_key(archive.root, signer, mtime_ns=int(archive.now().timestamp() * 1e9))
    archive.recorded_keys = frozenset({signer.key_id})


def anchors_of(archive: Archive) -> Iterator[Anchor]:
    """Stream the anchors that are noted in an archive, oldest first; none if there is no note. StorageError.

    A line that a crash cut short is ignored.
    """
    path = archive.root / layout.ANCHORS
    try:
        with path.open("rb") as stream:
            for line in stream:
                yield from anchors_in(line.decode("ascii", errors="replace"))
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StorageError(f"{path}: cannot be read ({exc.strerror or exc}); check the disk and its rights") from exc


def last_anchor(archive: Archive) -> Anchor | None:
    """Return the anchor that was noted last in an archive; None if there is none. StorageError.

    Only the end of the notes is read.
    """
    path = archive.root / layout.ANCHORS
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - _LAST_BYTES))
            end = stream.read(_LAST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise StorageError(f"{path}: cannot be read ({exc.strerror or exc}); check the disk and its rights") from exc
    found = tuple(anchors_in(end.decode("ascii", errors="replace")))
    return found[-1] if found else None


_LAST_BYTES = 4096
"""Several lines: the last one may have been cut short."""


def is_anchored(archive: Archive, anchor: Anchor | None) -> bool:
    """Whether an anchor is of the newest event, or there is no event yet.

    The event of the anchor's own time stamp does not count: a station at rest would sign and stamp it without end.
    """
    head = head_of(archive)
    if head is None or anchor is None:
        return head is None
    is_of_stamp = head.kind == STAMPED and head.details.get("event") == anchor.event
    newest = (head.sequence or 0) - 1, head.previous_hash
    return (anchor.event, anchor.hash) == (newest if is_of_stamp else (head.sequence, head.hash))


def head_of(archive: Archive) -> Event | None:
    """Return the newest event of the history; None if there is none yet."""
    with archive.read() as db:
        return events.last(db)
