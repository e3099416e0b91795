"""One archive's part of an erasure: what it would concern, and carrying it out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

from pywats_archive.archive import backups
from pywats_archive.archive.core import Archive
from pywats_archive.archive.erasing import carrying_out, choosing, log_lines
from pywats_archive.archive.erasing.journal import Erasing
from pywats_archive.archive.erasing.texts import Texts, texts_of
from pywats_archive.archive.folder import catalog_swap
from pywats_archive.archive.folder.layout import CATALOG
from pywats_archive.archive.folder.ownership import is_owned
from pywats_archive.catalog import erasing, purges
from pywats_archive.errors import ArchiveInUse, StorageError, UsageError
from pywats_archive.models.retention.compliance import Rule
from pywats_archive.models.retention.erasure import (
    ErasableEntry,
    Erasure,
    ErasureChoice,
    ErasurePreview,
    ErasureRule,
    ProtectedEntry,
)
from pywats_archive.words.sizes import human_size

_SHOWN = 1000
"""The most files outside the archive that are named."""
_MOST_BESIDE_SERVICE = 500 * 10**6
"""The size of ``metadata.db`` in bytes up to which it is rewritten beside a running service.

Commits of the service wait 30 s at most, and from about 1.3 GB on it takes longer than that.
"""


def preview(archive: Archive, choice: ErasureChoice, how: Erasing) -> ErasurePreview:
    """Return what an erasure would concern now; changes nothing."""
    chosen = choosing.choose(archive, choice)
    going, protected = _judged(archive, chosen.entries, how)
    ids = [each.archive_id for each in going]
    with archive.read() as db:
        blobs = purges.blobs_of(db, ids)
        events, reports, size = erasing.events_of(db, ids), erasing.reports_of(db, ids), erasing.size_of(db, ids)
        outside = _existing(erasing.moved_to(db, ids))
    return ErasurePreview(
        entries=going,
        protected=protected,
        also_named=chosen.also_named,
        files=sum(map(len, blobs.values())),
        disk_size_bytes=size,
        reports=reports,
        events=events,
        copies=sum(_copies(archive, how)),
        old_catalogs=len(catalog_swap.replaced(archive.root)),
        logs=tuple(str(path) for log in how.logs for path in log_lines.files_of(log)),
        outside=outside,
    )


def erase(archive: Archive, choice: ErasureChoice, how: Erasing) -> Erasure:
    """Finish an earlier erasure, then erase the chosen entries; UsageError if the reason names what is to be erased.

    ArchiveInUse if a service runs and the catalog is too large to be rewritten beside it; nothing is erased then.
    """
    with carrying_out.alone(archive):
        _require_short_wait(archive)
        before = carrying_out.finish(archive)
        is_only_copies = before.waits_for is not None and before.waits_for == how.backup_folder
        if before.not_removed and not is_only_copies:
            return _erasure(before, (), (), ())
        chosen = choosing.choose(archive, choice)
        going, protected = _judged(archive, chosen.entries, how)
        if any(each.rule is ErasureRule.COMPLIANT for each in protected):
            archive.compliance.refuse(
                Rule.ERASURE, "its entries stay until their policy purges them", actor=how.actor, entries=len(protected)
            )
        ids = [each.archive_id for each in going]
        if not ids:
            return _erasure(before, protected, chosen.also_named, ())
        if Texts((*chosen.texts, *texts_of(archive, ids))).are_in(how.reason):
            raise UsageError(
                "the reason stays on record, but contains a text that is to be erased; give another reason"
            )
        with archive.read() as db:
            outside = _existing(erasing.moved_to(db, ids))
        done = carrying_out.erase(archive, ids, replace(how, texts=chosen.texts))
        return _erasure(done, protected, chosen.also_named, outside)


def _require_short_wait(archive: Archive) -> None:
    """Refuse what would make commits of a running service fail: its files might then pass unarchived."""
    catalog = archive.root / CATALOG
    size = catalog.stat().st_size
    if size > _MOST_BESIDE_SERVICE and not archive.is_owner and is_owned(archive.root):
        raise ArchiveInUse(
            f"{catalog}: has {human_size(size)}, and the running service could not archive while the database is rewritten; "
            "stop the service, run 'erase' again, then start the service"
        )


def _erasure(
    done: carrying_out.Erased,
    protected: tuple[ProtectedEntry, ...],
    also_named: tuple[ErasableEntry, ...],
    outside: tuple[str, ...],
) -> Erasure:
    return Erasure(
        entries=done.entries,
        protected=protected,
        also_named=also_named,
        events=done.events,
        log_places=done.log_places,
        outside=outside,
        not_removed=done.not_removed,
    )


def _judged(
    archive: Archive, entries: Sequence[ErasableEntry], how: Erasing
) -> tuple[tuple[ErasableEntry, ...], tuple[ProtectedEntry, ...]]:
    """Return the entries that may be erased, and those that a rule protects."""
    rules = choosing.rule_of(archive, [each.archive_id for each in entries], how.mount_points)
    going = tuple(each for each in entries if each.archive_id not in rules)
    return going, tuple(_protected(each, rules[each.archive_id]) for each in entries if each.archive_id in rules)


def _protected(entry: ErasableEntry, rule: ErasureRule) -> ProtectedEntry:
    return ProtectedEntry(**{each.name: getattr(entry, each.name) for each in fields(entry)}, rule=rule)


def _copies(archive: Archive, how: Erasing) -> Iterator[int]:
    for place in backups.places(archive, how.backup_folder):
        try:
            yield len(place.copies())
        except StorageError:  # the erasure itself says so
            continue


def _existing(paths: Iterable[str]) -> tuple[str, ...]:
    found = (path for path in paths if os.path.lexists(path) and Path(path).is_absolute())
    return tuple(path for path, _ in zip(found, range(_SHOWN)))  # noqa: B905 (as many as there are)
