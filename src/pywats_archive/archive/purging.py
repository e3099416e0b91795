"""Purging: recorded first, then the bytes are removed (invariant 7). The rows stay as proof.

The next purge or start finishes what a crash interrupted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

from pywats_archive.archive import decision_log
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import account, locks
from pywats_archive.catalog import candidates as eligible
from pywats_archive.catalog import entries, erasing, events, purges, statistics, vault_gate
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import StorageError
from pywats_archive.models.event import Event
from pywats_archive.models.ids import moment_of
from pywats_archive.models.retention.purge import Candidate, Purge, PurgeReason

_FREE_PAGES = 2_000
"""Catalog pages that are returned after a purge: 8 MB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Entries of one converter that are purged together for one reason."""

    converter_name: str
    reason: PurgeReason
    archive_ids: Sequence[str]
    unsubmitted: bool = False
    """Includes entries whose reports the server has not accepted."""
    actor: str = "service"


@dataclass(frozen=True, kw_only=True, slots=True)
class Purged:
    """The purged part of a batch: fewer entries than requested if one was held or changed meanwhile."""

    entries: int
    bytes_freed: int
    altered: tuple[str, ...] = ()
    """Entries that are kept because one of their rows names a path that cannot be their blob."""
    not_removed: tuple[str, ...] = ()
    """Files that are recorded as purged and cannot be removed now, each with the reason."""


@contextmanager
def purging(archive: Archive) -> Iterator[tuple[str, ...]]:
    """Be the only process that purges; PurgeRunning if another one does.

    Finishes earlier purges first, and yields their files that still cannot be removed, each with the reason.
    """
    archive.require_present()  # on an unavailable archive a lock would create a folder in its place
    account.require_owner(archive.root)
    with locks.nobody_purging(archive.root):
        yield finish_unfinished(archive).not_removed
        if not is_any_unfinished(archive):
            decision_log.forget_purges(archive)


def purge(archive: Archive, batch: Batch) -> Purged:
    """Record a batch as purged, then remove its bytes; all durable once this returns.

    Entries that are now held, pending or not submitted are left out. A file that cannot be removed (on Windows: while
    somebody reads it) does not stop the others; it is named, and the next purge or the next start tries again. StorageError
    if the archive is unavailable or not writable.
    """
    number, purged, paths = archive.write(lambda tx: _record(tx, archive, batch))
    return replace(purged, not_removed=_finish(archive, number, paths))


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """The result of finishing earlier purges."""

    purges: int
    """How many purges are finished now."""
    not_removed: tuple[str, ...]
    """Files that still cannot be removed, each with the reason."""


def finish_unfinished(archive: Archive) -> Finished:
    """Remove blobs that are recorded as purged and may still exist; safe to repeat."""
    with archive.read() as db:
        numbers = purges.unfinished(db)
    noted = decision_log.purged_ids(archive.root) if numbers else frozenset()
    done, not_removed = 0, list[str]()
    for number in numbers:
        with archive.read() as db:
            found = purges.blobs(db, number)
        paths = [path for each in found.items() for path in each[1] if _are_its_own(archive, each)]
        failed = _finish(archive, number, paths, noted=noted)
        done += not failed
        not_removed += failed
    return Finished(purges=done, not_removed=tuple(not_removed))


def is_any_unfinished(archive: Archive) -> bool:
    """Whether bytes may still exist that are recorded as purged."""
    with archive.read() as db:
        return bool(purges.unfinished(db) or erasing.unfinished(db))


def release_space(archive: Archive) -> None:
    """Return free pages of the catalog to the file system."""
    archive.catalog.release_space(_FREE_PAGES)


def stored_size(archive: Archive, converter_name: str) -> tuple[int, int]:
    """Return the bytes on disk of a converter's entries, and their number."""
    with archive.read() as db:
        return statistics.disk_size(db, converter_name)


def candidates(archive: Archive, converter_name: str, *, before: str) -> Iterator[Candidate]:
    """Stream a converter's purge candidates, oldest first, up to those received before ``before``."""
    with archive.read() as db:
        misdated = archive.clock.misdated(db)
        missing = vault_gate.is_missing(db, archive.now(), of_many=True)
        yield from eligible.candidates(db, converter_name, before=before, misdated=misdated, missing=missing)


def candidates_named(archive: Archive, archive_ids: Sequence[str]) -> tuple[Candidate, ...]:
    """Return these entries as purge candidates, without those already purged; UnknownEntry names a missing one."""
    with archive.read() as db:
        for archive_id in archive_ids:
            entries.require(db, archive_id)
        return eligible.candidates_named(db, archive_ids, missing=vault_gate.is_missing(db, archive.now()))


def newest_moment(archive: Archive) -> datetime | None:
    """Return when the newest entry with a trustworthy id was received; None if there is none."""
    with archive.read() as db:
        newest = eligible.newest_id(db, misdated=archive.clock.misdated(db))
        return moment_of(newest) if newest else None


def converters_of(archive: Archive, archive_ids: Sequence[str]) -> dict[str, str]:
    """Return the converter of each of these entries."""
    with archive.read() as db:
        return eligible.converters_of(db, archive_ids)


def first_of_newest(archive: Archive, converter_name: str, count: int) -> str | None:
    """Return when the oldest of a converter's newest ``count`` entries was received; None when it has fewer."""
    with archive.read() as db:
        return eligible.first_of_newest(db, converter_name, count, misdated=archive.clock.misdated(db))


def history(archive: Archive, limit: int = 100) -> tuple[Purge, ...]:
    """Return the latest purges, newest first."""
    with archive.read() as db:
        return purges.history(db, limit)


def _record(tx: Connection, archive: Archive, batch: Batch) -> tuple[int, Purged, list[str]]:
    now = archive.now()
    found = purges.blobs_of(tx, batch.archive_ids)
    altered = tuple(each[0] for each in found.items() if not _are_its_own(archive, each))
    number = purges.begin(tx, batch.converter_name, batch.reason, actor=batch.actor, now=now)
    ids = [each for each in batch.archive_ids if each not in altered]
    marked = purges.mark(tx, number, ids, unsubmitted=batch.unsubmitted, now=now)
    for archive_id, size, checksum in marked:
        details = {"reason": batch.reason.value, "disk_size_bytes": size, "checksum": checksum, "purge_id": number}
        events.append(tx, Event(kind="entry.purged", at=now, archive_id=archive_id, actor=batch.actor, details=details))
    purged = Purged(entries=len(marked), bytes_freed=sum(size for _, size, _ in marked), altered=altered)
    return number, purged, [path for archive_id, _, _ in marked for path in found[archive_id]]


def _are_its_own(archive: Archive, blobs: tuple[str, Sequence[str]]) -> bool:
    """Whether all these paths are places of this entry's blobs, inside the archive."""
    archive_id, paths = blobs
    return all(archive.blobs.is_of(path, archive_id) for path in paths) and not archive.blobs.is_linked(paths)


def _finish(archive: Archive, number: int, paths: Sequence[str], *, noted: Set[str] = frozenset()) -> tuple[str, ...]:
    """Remove the bytes of a recorded purge, and record that they are removed.

    Returns the files that cannot be removed, each with the reason; the purge then stays unfinished and is tried again.

    ``noted``: entries that are already in the decision log.
    """
    try:
        archive.require_present()
        if new := [path for path in paths if decision_log.entry_of(path) not in noted]:
            decision_log.note_purge(archive, new)
        failures = archive.blobs.remove_durably(paths)
    except OSError as exc:
        where = exc.filename or archive.root
        raise StorageError(
            f"{where}: cannot be purged now ({exc.strerror or exc}); the next purge tries it again"
        ) from exc
    if failures:
        return tuple(f"{archive.root / path}: {exc.strerror or exc}" for path, exc in failures.items())
    archive.write(lambda tx: purges.finish(tx, number, archive.now()))
    for day in sorted({path.rpartition("/")[0] for path in paths}):
        if day[-10:] < f"{archive.now():%Y/%m/%d}":
            with suppress(OSError):
                archive.blobs.remove_empty(day)
    return ()
