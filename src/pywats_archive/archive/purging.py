"""Purging: on record first, then the bytes go (invariant 7); the rows stay as proof. A crash between is made good later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from pywats_archive.archive import account, journal, locking
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import candidates as eligible
from pywats_archive.catalog import events, purges, statistics
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import StorageError, UnknownEntry
from pywats_archive.models.event import Event
from pywats_archive.models.purge import Candidate, Hold, Purge, PurgeReason

_FREE_PAGES = 2_000
"""Of the catalog, given back after a purge: 8 MB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Entries of one converter that go together for one reason."""

    converter_name: str
    reason: PurgeReason
    archive_ids: Sequence[str]
    unsubmitted: bool = False
    """Even those whose reports the server has not accepted."""
    actor: str = "service"


@dataclass(frozen=True, kw_only=True, slots=True)
class Purged:
    """What of a batch was purged: less than was asked for where an entry was held or taken up again since."""

    entries: int
    bytes_freed: int
    altered: tuple[str, ...] = ()
    """Entries that stay, as a row of theirs names what is not the place of one of their blobs."""
    not_removed: tuple[str, ...] = ()
    """Files that are on record as purged and cannot be removed now, each with the reason."""


@contextmanager
def purging(archive: Archive) -> Iterator[tuple[str, ...]]:
    """Be the only one who purges meanwhile, of all processes; PurgeRunning otherwise.

    What an earlier purge left is finished first; yields the files of it that still cannot be removed, each with the reason.
    """
    archive.require_present()  # where it is away, a lock would make a folder in its place
    account.require_owner(archive.root)
    with locking.nobody_purging(archive.root):
        yield finish_unfinished(archive).not_removed
        if not is_any_unfinished(archive):
            journal.forget_purges(archive)


def purge(archive: Archive, batch: Batch) -> Purged:
    """Put a batch on record as purged, then remove its bytes; all durable once this returns.

    Entries that are held, pending or not submitted at this moment are left out. A file that cannot be removed (on Windows:
    while somebody reads it) keeps no other from going; it is named, and tried again by the next purge, or the next start.
    StorageError when the archive itself is away or cannot be written to.
    """
    number, purged, paths = archive.write(lambda tx: _record(tx, archive, batch))
    return replace(purged, not_removed=_finish(archive, number, paths))


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What was done about purges that were on record and not at their end."""

    purges: int
    """How many of them are at their end now."""
    not_removed: tuple[str, ...]
    """Files that still cannot be removed, each with the reason."""


def finish_unfinished(archive: Archive) -> Finished:
    """Remove what is on record as purged and may still be there; safe to repeat."""
    with archive.read() as db:
        numbers = purges.unfinished(db)
    noted = journal.purged_ids(archive.root) if numbers else frozenset()
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
    """Tell whether bytes may still be there that are on record as purged."""
    with archive.read() as db:
        return bool(purges.unfinished(db))


def give_space_back(archive: Archive) -> None:
    """Give free pages of the catalog back to the file system."""
    archive.catalog.give_space_back(_FREE_PAGES)


def kept_size(archive: Archive, converter_name: str) -> tuple[int, int]:
    """Give the bytes on disk of what a converter's entries keep, and their number."""
    with archive.read() as db:
        return statistics.disk_size(db, converter_name)


def candidates(archive: Archive, converter_name: str, *, before: str) -> Iterator[Candidate]:
    """Stream what decides about a converter's entries, oldest first, up to those received before ``before``."""
    with archive.read() as db:
        misdated = archive.clock.misdated(db)
        yield from eligible.candidates(db, converter_name, before=before, misdated=misdated)


def candidates_named(archive: Archive, archive_ids: Sequence[str]) -> tuple[Candidate, ...]:
    """Give what decides about these entries, but for those that are purged already; UnknownEntry names one there is not."""
    for archive_id in archive_ids:
        if not archive.has(archive_id):
            raise UnknownEntry(f"no entry '{archive_id}'; 'pywats-archive list' shows those there are")
    with archive.read() as db:
        return eligible.candidates_named(db, archive_ids)


def first_of_newest(archive: Archive, converter_name: str, count: int) -> str | None:
    """Return when the oldest of a converter's newest ``count`` entries was received; None when it has fewer."""
    with archive.read() as db:
        return eligible.first_of_newest(db, converter_name, count, misdated=archive.clock.misdated(db))


def history(archive: Archive, limit: int = 100) -> tuple[Purge, ...]:
    """Give the latest purges, newest first."""
    with archive.read() as db:
        return purges.history(db, limit)


def hold(archive: Archive, archive_id: str, reason: str, *, actor: str) -> None:
    """Keep an entry from every purge until it is released; UnknownEntry when there is none, or it is purged."""
    archive.entry(archive_id)
    _set_hold(archive, archive_id, reason, actor, "hold.added", {"reason": reason})


def release(archive: Archive, archive_id: str, *, actor: str) -> None:
    """Let an entry go the way of its policy again; UsageError when it is not held."""
    entry = archive.entry(archive_id)
    if entry.hold_reason is None:
        raise UnknownEntry(f"{archive_id}: is not held; 'pywats-archive hold list' shows what is")
    _set_hold(
        archive, archive_id, None, actor, "hold.released", {"reason": entry.hold_reason, "held_by": entry.held_by}
    )


def holds(archive: Archive) -> tuple[Hold, ...]:
    """Give what is held."""
    with archive.read() as db:
        return purges.holds(db)


def _set_hold(
    archive: Archive, archive_id: str, reason: str | None, actor: str, kind: str, details: dict[str, str | None]
) -> None:
    account.require_owner(archive.root)

    def unit(tx: Connection) -> None:
        now = archive.now()
        if not purges.set_hold(tx, archive_id, reason=reason, by=actor if reason else None, now=now):
            raise UnknownEntry(f"{archive_id}: was purged; only its record is kept")
        events.append(tx, Event(kind=kind, at=now, archive_id=archive_id, actor=actor, details=dict(details)))

    archive.write(unit)


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
    """Whether these paths are places of blobs of their entry, in the archive."""
    archive_id, paths = blobs
    return all(archive.blobs.is_of(path, archive_id) for path in paths) and not archive.blobs.is_linked(paths)


def _finish(archive: Archive, number: int, paths: Sequence[str], *, noted: Set[str] = frozenset()) -> tuple[str, ...]:
    """Remove the bytes of a purge that is on record, and then say that they are gone.

    Returns the files that cannot be removed, each with the reason: then the purge stays unfinished, and is tried again.
    ``noted``: entries of which it is noted already that their blobs were about to go.
    """
    try:
        archive.require_present()
        if new := [path for path in paths if journal.entry_of(path) not in noted]:
            journal.note_purge(archive, new)
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
