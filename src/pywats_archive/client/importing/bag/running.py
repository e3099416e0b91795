"""The import of a bag into one archive: some entries in a commit, and the sum of their results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice

from pywats_archive.archive.core import Archive
from pywats_archive.archive.imported import bringing
from pywats_archive.archive.imported.bagged import Bringing, Brought, FromBag
from pywats_archive.archive.imported.orphans import importing
from pywats_archive.client.importing.bag import records
from pywats_archive.client.importing.bag.checking import CheckedBag
from pywats_archive.models.bag.outcome import ImportedBag, Refused
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.ids import day_of

_AT_ONCE = 50
_MOST_BYTES = 64_000_000
"""Of files in one commit, so that a service that starts need not wait long."""
OnProgress = Callable[[int], None]


@dataclass(kw_only=True)
class Sum:
    """Counts of the entries of a bag, as found or as imported."""

    origins: set[str]
    new: int = 0
    there: int = 0
    records_only: int = 0
    too_old: int = 0
    """New ones that the policy here would purge at once because of their age."""
    refused: list[Refused]

    def add(self, brought: Brought) -> None:
        """Count one entry."""
        if brought.reason:
            self.refused.append(Refused(archive_id=brought.archive_id, reason=brought.reason))
        else:
            self.new, self.there = self.new + brought.is_new, self.there + (not brought.is_new)

    def answer(self, archive: Archive, bag: CheckedBag, *, is_preview: bool) -> ImportedBag:
        """Return the answer of the import, or of its preview."""
        return ImportedBag(
            archive=str(archive.root),
            bag=str(bag.path),
            origins=tuple(sorted(self.origins)),
            is_preview=is_preview,
            imported=self.new,
            already_there=self.there,
            records_only=self.records_only,
            too_old=self.too_old,
            refused=tuple(self.refused),
        )


def preview(archive: Archive, bag: CheckedBag) -> Sum:
    """Read every record of a bag, and count what an import would do; writes nothing."""
    found, erased = Sum(origins=set(), refused=[]), bringing.erased_here(archive)
    for bagged in _entries(bag, found):
        brought = bringing.known(archive, bagged, erased) or Brought(archive_id=bagged.archive_id, is_new=True)
        found.too_old += brought.is_new and _is_too_old(archive, bagged)
        found.add(brought)
    return found


def run(archive: Archive, bag: CheckedBag, actor: str, on_progress: OnProgress) -> Sum:
    """Import the entries of a bag; safe to repeat, also after a kill."""
    done, how = Sum(origins=set(), refused=[]), Bringing(bag=bag.path.name, actor=actor)
    with importing(archive):
        for batch in _batches(_entries(bag, done)):
            for each in bringing.bring_in(archive, batch, how):
                done.add(each)
            on_progress(len(batch))
    return done


def _entries(bag: CheckedBag, found: Sum) -> Iterator[FromBag]:
    for path in bag.records():
        bagged = records.read(bag, path)
        found.origins.add(bagged.record.archive_uuid)
        missing = [each for each in bagged.record.files if each.error]
        if bagged.record.entry.purged_at:
            found.records_only += 1
        elif missing:
            reason = f"{missing[0].kind} {missing[0].original} is missing in the bag: {missing[0].error}"
            found.refused.append(Refused(archive_id=bagged.archive_id, reason=reason))
        else:
            yield bagged


def _is_too_old(archive: Archive, bagged: FromBag) -> bool:
    entry = bagged.record.entry
    policy = archive.policies.effective(entry.converter_name)
    is_failed = entry.conversion_status is ConversionStatus.FAILED
    today: date = archive.now().date()
    is_past = policy.kept_until(day_of(entry.archive_id), failed=is_failed) < today
    return policy.enabled and entry.hold_reason is None and is_past


def _batches(entries: Iterator[FromBag]) -> Iterator[list[FromBag]]:
    while batch := list(_batch(islice(entries, _AT_ONCE))):
        yield batch


def _batch(entries: Iterator[FromBag]) -> Iterator[FromBag]:
    size = 0
    for each in entries:
        yield each
        size += len(each.body) + sum(file.size_bytes for file in each.record.files)
        if size > _MOST_BYTES:
            return
