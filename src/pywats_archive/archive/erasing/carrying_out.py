"""Carries out an erasure: recorded, then bytes, logs, rows and events, then old copies; each step can be done again.

The rows have the texts until everything else that needs them is done. The record is a purge with the reason ``erased``, which
stays unfinished until the last step: the next erasure, or the next start of a service, goes on with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from pywats_archive.archive import decision_log
from pywats_archive.archive.access import pending
from pywats_archive.archive.core import Archive
from pywats_archive.archive.erasing import journal, log_lines, old_copies
from pywats_archive.archive.erasing.journal import UNKNOWN, Erasing
from pywats_archive.archive.erasing.texts import Texts, texts_of
from pywats_archive.archive.folder import account, catalog_swap, layout, locks
from pywats_archive.catalog import erasing, event_erasing, events, purges
from pywats_archive.catalog.compaction import compact
from pywats_archive.catalog.engine import Connection
from pywats_archive.catalog.erased_events import OF_ENTRY, OF_NONE
from pywats_archive.errors import StorageError
from pywats_archive.models.event import Event
from pywats_archive.models.retention.purge import PurgeReason

_AT_ONCE = 200
_NOTES_WAIT_S = 60.0
"""Time limit for a running service to record pending access notes; it does so every half minute."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Erased:
    """The result of an erasure in one archive."""

    entries: int = 0
    events: int = 0
    log_places: int = 0
    not_removed: tuple[str, ...] = ()
    """What cannot be removed now, or not be reached, each with the reason; the erasure is not finished then."""
    waits_for: Path | None = None
    """The backup folder, if only copies of the catalog are left to be replaced: other entries can be erased meanwhile."""


@contextmanager
def alone(archive: Archive) -> Iterator[None]:
    """Be the only process that erases, purges or replays; PurgeRunning or RunRunning if another one does."""
    archive.require_present()
    account.require_owner(archive.root)
    with locks.nobody_purging(archive.root), locks.nobody_replaying(archive.root):
        yield


def erase(archive: Archive, archive_ids: Sequence[str], how: Erasing) -> Erased:
    """Erase entries; durable once this returns. Entries that a rule protects now are left out.

    Inside ``alone``, after ``finish``. StorageError or CatalogError if a step fails: the rest is done by ``finish``.
    """
    journal.write(archive, how)
    entries = 0
    for start in range(0, len(archive_ids), _AT_ONCE):
        some = archive_ids[start : start + _AT_ONCE]
        entries += archive.write(partial(_record, archive=archive, archive_ids=some, how=how))
    done = finish(archive)
    return Erased(entries=entries, events=done.events, log_places=done.log_places, not_removed=done.not_removed)


def is_unfinished(archive: Archive) -> bool:
    """Whether an erasure was recorded and is not finished."""
    with archive.read() as db:
        return bool(erasing.unfinished(db))


def finish(archive: Archive) -> Erased:
    """Finish what is recorded; safe to repeat. Inside ``alone``."""
    with archive.read() as db:
        recorded = erasing.unfinished(db)
        waiting = {number: erasing.not_blank(db, number) for number in recorded}
    known = journal.read(archive.root)
    if not recorded:
        if known is not None:
            journal.remove(archive)
        return Erased()
    how, erased, places = known or UNKNOWN, 0, 0
    every = [each for ids in waiting.values() for each in ids]
    texts = (*how.texts, *texts_of(archive, every)) if every else how.texts
    for number, ids in waiting.items():
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            if failures := _remove_bytes(archive, some, how):
                return Erased(not_removed=failures)
            with archive.read() as db:
                messages = tuple(erasing.messages_of(db, some))
            places += log_lines.overwrite(how.logs, names=[*texts, *some], messages=messages)
            why = _Why(how=how, purge_id=number, noted=decision_log.erased(archive.root))
            erased += archive.write(
                partial(_erase_rows, archive=archive, archive_ids=some, why=why, texts=Texts(texts))
            )
    journal.write(archive, how.without_texts)
    if failures := _remove_old_catalogs(archive):
        return Erased(events=erased, not_removed=failures)
    pending.take_in(archive, within_s=_NOTES_WAIT_S)
    compact(archive.catalog)
    if failures := old_copies.replace(archive, how.backup_folder):
        return Erased(events=erased, log_places=places, not_removed=failures, waits_for=how.backup_folder)
    for number in recorded:
        archive.write(partial(purges.finish, purge_id=number, now=archive.now()))
    journal.remove(archive)
    decision_log.forget_purges(archive)
    return Erased(events=erased, log_places=places)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Why:
    """Who erases entries, and why; a rebuilt catalog knows that from the decision log alone."""

    how: Erasing
    purge_id: int
    noted: Mapping[str, tuple[str, str]]
    """By entry: reason and actor."""

    def event(self, at: datetime, archive_id: str) -> Event:
        """Return the record that an entry was erased; without an id, that texts were erased from events of no entry."""
        if not archive_id:
            return Event(kind=OF_NONE, at=at, actor=self.how.actor, details={"purge_id": self.purge_id})
        reason, actor = self.noted.get(archive_id, (self.how.reason, self.how.actor))
        details = {"reason": reason, "purge_id": self.purge_id}
        return Event(kind=OF_ENTRY, at=at, archive_id=archive_id, actor=actor, details=details)


def note_backup_folder(archive: Archive, folder: Path | None) -> None:
    """Let the journal name where other copies of the catalog are; inside ``alone``."""
    how = journal.read(archive.root) or UNKNOWN
    journal.write(archive, replace(how, backup_folder=folder or how.backup_folder))


def _record(tx: Connection, *, archive: Archive, archive_ids: Sequence[str], how: Erasing) -> int:
    """Record entries as purged: their bytes go next."""
    now, marked = archive.now(), 0
    for name, ids in purges.by_converter(tx, archive_ids).items():
        number = purges.begin(tx, name, PurgeReason.ERASED, actor=how.actor, now=now)
        for archive_id, size, checksum in (found := erasing.mark(tx, number, ids, now=now)):
            details = {"reason": PurgeReason.ERASED.value, "disk_size_bytes": size, "checksum": checksum}
            events.append(
                tx,
                Event(
                    kind="entry.purged",
                    at=now,
                    archive_id=archive_id,
                    actor=how.actor,
                    details={**details, "purge_id": number},
                ),
            )
        purges.withhold(tx, [each[0] for each in found])
        marked += len(found)
        if not found:
            purges.finish(tx, number, now)
    return marked


def _remove_bytes(archive: Archive, archive_ids: Sequence[str], how: Erasing) -> tuple[str, ...]:
    """Remove the blobs of entries; returns those that cannot be removed now, each with the reason."""
    with archive.read() as db:
        named = purges.blobs_of(db, archive_ids)
    paths = [
        path
        for archive_id in archive_ids
        for path in (*named.get(archive_id, ()), *_origins(archive_id))
        if archive.blobs.is_of(path, archive_id) and not archive.blobs.is_linked([path])
    ]
    try:
        archive.require_present()
        noted = decision_log.erased(archive.root)
        if new := [each for each in archive_ids if each not in noted]:
            decision_log.note_erasure(archive, new, reason=how.reason, actor=how.actor)
        failures = archive.blobs.remove_durably(paths)
    except OSError as exc:
        where = exc.filename or archive.root
        raise StorageError(f"{where}: cannot be erased now ({exc.strerror or exc}); erase it again later") from exc
    return tuple(f"{archive.root / path}: {exc.strerror or exc}" for path, exc in failures.items())


def _origins(archive_id: str) -> tuple[str, str]:
    """Return where the record of an imported entry may be: in an encrypted archive, under the second name."""
    path = layout.origin_path(archive_id)
    return path, f"{path}.age"


def _erase_rows(tx: Connection, *, archive: Archive, archive_ids: Sequence[str], why: _Why, texts: Texts) -> int:
    """Erase the texts of entries from rows and events, and record that; returns how many events."""
    paths = [text for text in texts.all if "/" in text or "\\" in text]
    erasing.blank(tx, archive_ids, paths, texts.scrub)
    return event_erasing.erase_events(tx, archive_ids, texts.scrub, lambda each: why.event(archive.now(), each))


def _remove_old_catalogs(archive: Archive) -> tuple[str, ...]:
    """Remove the catalogs that a rebuild replaced; returns those that cannot be removed, each with the reason."""
    names = [path.name for path in catalog_swap.replaced(archive.root)]
    failures = archive.blobs.files.remove_all(names)
    return tuple(f"{archive.root / name}: {exc.strerror or exc}" for name, exc in failures.items())
