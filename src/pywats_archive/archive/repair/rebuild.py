"""A new catalog from the blobs alone; the old one stays in place until the new one is finished, and is kept beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock

from pywats_archive.archive import decision_log
from pywats_archive.archive.alone import each_alone
from pywats_archive.archive.audit.inventory import Holding, Stray, count_files, on_disk
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import catalog_swap, layout, locks
from pywats_archive.archive.folder.description import describe
from pywats_archive.archive.folder.ownership import owning
from pywats_archive.archive.folder.role import metadata_in_place
from pywats_archive.archive.repair.adopted import Adopted, stand_in
from pywats_archive.archive.repair.adoption import companions_of, entry_of, report_of
from pywats_archive.archive.repair.decided import Decided, decided
from pywats_archive.blobs.header import checksum_in
from pywats_archive.catalog import entries, events, previous, purges, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.catalog.former_clock import former_clock
from pywats_archive.errors import ArchiveError, BlobDamaged, BlobMissing, BlobOutside, CatalogDamaged, UsageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.event import Event
from pywats_archive.models.operation.integrity import OnlyThere, OnProgress, Problem, ProblemKind, Rebuilt
from pywats_archive.models.retention.policy import EVERY_OTHER, RetentionPolicy
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.models.time import Clock, utc_now

_BATCH = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuilding:
    """How a catalog is to be rebuilt."""

    actor: str = "service"
    on_progress: OnProgress | None = None
    on_step: OnStep = no_step
    clock: Clock = utc_now


def rebuild(root: Path, how: Rebuilding | None = None) -> Rebuilt:
    """Rebuild the catalog of the archive at ``root`` from its blobs; durable once this returns, safe to repeat.

    The old catalog is kept beside it under a name of its own. After a crash, either the old or the new one is in place.
    ArchiveInUse if a process owns the archive, purges or replays. Damaged blobs are reported and do not stop the rebuild.
    """
    root, how = root.absolute(), how or Rebuilding()
    describe(root)
    with owning(root) as lock, locks.nobody_purging(root), locks.nobody_replaying(root):
        catalog_swap.tidy(root)
        catalog_swap.finish(root)
        catalog_swap.require_movable(root)
        only_there = tuple(
            OnlyThere(what=what, number=number)
            for what, number in previous.known_to_it_alone(root / layout.CATALOG).items()
            if number != 0
        )
        kept = previous.keeping(root / layout.CATALOG)
        only_there += () if kept else (OnlyThere(what="holds and retention policies", number=None),)
        try:
            archive = _new_archive(root, lock, how)
            try:
                with decided(root) as before:
                    filled = _Filling(archive, how, before).fill(only_there)
                _carry_over(archive, kept, actor=how.actor)
                archive.clock.continue_from(former_clock(root / layout.CATALOG))
            finally:
                archive.catalog.close()
            kept_as = catalog_swap.replace(root, moment=how.clock(), on_step=how.on_step)
            decision_log.forget_purges(archive)  # their blobs are gone
        except BaseException:
            catalog_swap.tidy(root)
            raise
    return replace(filled, kept_as=kept_as)


def _carry_over(archive: Archive, kept: previous.Keeping | None, *, actor: str) -> None:
    """Copy policies and holds; if they cannot be read, nothing is purged until a person confirms."""
    nothing_goes = RetentionPolicy(converter_name=EVERY_OTHER, enabled=False)
    for policy in kept.policies if kept else (nothing_goes,):
        archive.policies.set(policy, actor=actor, confirmed=False)

    def unit(tx: Connection) -> None:
        for hold in kept.holds if kept else ():
            if purges.set_hold(tx, hold.archive_id, reason=hold.hold_reason, by=hold.held_by, now=hold.held_at):
                details = {"reason": hold.hold_reason, "held_by": hold.held_by}
                event = Event(
                    kind="hold.taken_over", at=archive.now(), archive_id=hold.archive_id, actor=actor, details=details
                )
                events.append(tx, event)

    archive.write(unit)


def repair(root: Path, how: Rebuilding | None = None) -> Rebuilt | None:
    """Rebuild the catalog if it is missing or damaged, reading it whole to find out; None if it is sound."""
    if not (root / layout.DESCRIPTION).exists() or damage(root) is None:
        return None
    return rebuild(root, how)


def damage(root: Path) -> str | None:
    """Return what is wrong with the catalog of the archive at ``root``, reading it whole; None if it is sound."""
    try:
        with Archive.open(root) as archive:
            return next(iter(archive.catalog.faults(thorough=False)), None)
    except CatalogDamaged as exc:
        return str(exc)


def _new_archive(root: Path, lock: FileLock, how: Rebuilding) -> Archive:
    description = describe(root)
    return Archive(root, description, lock, on_step=how.on_step, clock=how.clock, catalog=catalog_swap.BUILDING)


class _Filling:
    """Reads every blob once and fills the new catalog, some hundred entries per commit."""

    def __init__(self, archive: Archive, how: Rebuilding, before: Decided) -> None:
        self._archive = archive
        self._how = how
        self._before = before
        self._moment = archive.now()
        self._total = count_files(archive.root) if how.on_progress else 0
        self._done = self._entries = self._reports = self._companions = self._without_source = 0
        self._purged = self._without_outcome = 0
        self._problems: list[Problem] = []

    def fill(self, only_there: tuple[OnlyThere, ...]) -> Rebuilt:
        strays: list[Stray] = []
        for top in (layout.SOURCES, layout.REPORTS):
            self._archive.blobs.remove_temporary(top, report=lambda path: None)
        adopted = map(self._adopt, on_disk(self._archive.root, strays))
        while batch := tuple(islice(adopted, _BATCH)):
            for _ in each_alone(self._add, batch, self._skip):
                pass
        self._problems += [_stray_problem(self._archive.root, stray) for stray in strays]
        counts = {
            "entries": self._entries,
            "reports": self._reports,
            "companions": self._companions,
            "without_source": self._without_source,
            "without_outcome": self._without_outcome,
            "purged": self._purged,
        }
        event = Event(
            kind="catalog.rebuilt",
            at=self._archive.now(),
            actor=self._how.actor,
            details={**counts, "problems": len(self._problems), "not_copied": [asdict(each) for each in only_there]},
        )
        self._archive.write(lambda tx: events.append(tx, event))
        return Rebuilt(
            archive=str(self._archive.root),
            problems=tuple(self._problems),
            kept_as=None,
            not_copied=only_there,
            **counts,
        )

    def _add(self, batch: Sequence[Adopted]) -> None:
        self._archive.write(lambda tx: _add(tx, batch))

    def _skip(self, adopted: Adopted, error: Exception) -> None:
        """Continue without an entry that the catalog cannot hold; its blobs stay where they are."""
        entry = adopted.entry
        assert entry is not None
        path = entry.source_archived_path or next((report.archived_path for report in adopted.reports), "")
        message = f"{self._archive.root / path}: is not added, nor are its other blobs ({error}); keep it for inquiry"
        self._problems.append(_problem(ProblemKind.HEADER_DAMAGED, path, message, entry.archive_id))
        self._entries -= 1
        self._reports -= len(adopted.reports)
        self._companions -= adopted.companions
        self._without_outcome -= entry.conversion_status is ConversionStatus.PENDING

    def _adopt(self, holding: Holding) -> Adopted:
        if self._before.is_purged(holding.archive_id):
            return self._finish_purge(holding)
        adopted = Adopted(rolled_back=self._before.rolled_back(holding.archive_id))
        for path in holding.files:
            adopted = self._with(adopted, holding.archive_id, path)
            self._done += 1
            if self._how.on_progress:
                self._how.on_progress(self._done, max(self._total, self._done))
        if adopted.entry is None and adopted.reports:
            adopted = replace(adopted, entry=stand_in(self._archive, holding.archive_id))
            self._without_source += 1
        if adopted.entry:
            outcome = ConversionStatus.SUCCESS if adopted.reports else ConversionStatus.PENDING
            entry = replace(adopted.entry, conversion_status=outcome, rebuilt_at=self._moment)
            adopted = replace(adopted, entry=entry)
            self._entries += 1
            self._without_outcome += outcome is ConversionStatus.PENDING
        self._reports += len(adopted.reports)
        self._companions += adopted.companions
        self._problems += adopted.problems
        return adopted

    def _finish_purge(self, holding: Holding) -> Adopted:
        """Remove the remaining blobs of an entry that is recorded as purged, and add no row for them."""
        remaining = [path for path in holding.files if self._archive.blobs.is_of(path, holding.archive_id)]
        self._done += len(holding.files)
        try:
            for failure in self._archive.blobs.remove_durably(remaining).values():
                raise failure
        except (OSError, BlobOutside) as exc:
            message = f"{self._archive.root / remaining[0]}: was purged and cannot be removed ({exc}); remove it"
            self._problems.append(_problem(ProblemKind.BLOB_UNKNOWN, remaining[0], message, holding.archive_id))
        self._purged += 1
        return Adopted()

    def _with(self, adopted: Adopted, archive_id: str, path: str) -> Adopted:
        """Add what one blob says; an unreadable one is a problem, and is added with what its header says."""
        archive, problem = self._archive, None
        try:
            metadata = metadata_in_place(path, archive.blobs.label(path).metadata)
            if metadata["archive_id"] != archive_id:
                raise BlobDamaged(f"{archive.root / path}: says that it belongs to {metadata['archive_id']}; not added")
            problem = _content_problem(archive, path, archive_id, metadata)
            return replace(
                _ADDITIONS[metadata["kind"]](self, adopted, path, metadata, problem),
                problems=(*adopted.problems, *([problem] if problem else [])),
            )
        except Exception as exc:
            if isinstance(exc, ArchiveError) and not isinstance(exc, BlobDamaged | BlobMissing | UsageError):
                raise
            message = str(exc) if isinstance(exc, ArchiveError) else _foreign(archive.root / path, exc)
            unread = problem or _problem(ProblemKind.HEADER_DAMAGED, path, message, archive_id)
            return replace(adopted, problems=(*adopted.problems, unread))

    def _add_source(self, adopted: Adopted, path: str, metadata: dict[str, Any], problem: Problem | None) -> Adopted:
        if adopted.entry:
            raise BlobDamaged(f"{self._archive.root / path}: is a second source of its entry; not added")
        return replace(adopted, entry=entry_of(self._archive, path, metadata))

    def _add_companions(
        self, adopted: Adopted, path: str, metadata: dict[str, Any], problem: Problem | None
    ) -> Adopted:
        found = companions_of(self._archive, path, metadata)
        entry = adopted.entry or stand_in(self._archive, metadata["archive_id"])
        self._without_source += adopted.entry is None
        disk = entry.disk_size_bytes + self._archive.blobs.disk_size(path)
        whole = replace(entry, companions=(*entry.companions, *found), disk_size_bytes=disk)
        return replace(adopted, entry=whole, companions=adopted.companions + 1)

    def _add_report(self, adopted: Adopted, path: str, metadata: dict[str, Any], problem: Problem | None) -> Adopted:
        report = report_of(self._archive, path, metadata, is_readable=problem is None)
        return replace(adopted, reports=(*adopted.reports, report))


_ADDITIONS = {"source": _Filling._add_source, "companions": _Filling._add_companions, "report": _Filling._add_report}


def _content_problem(archive: Archive, path: str, archive_id: str, metadata: dict[str, Any]) -> Problem | None:
    try:
        archive.blobs.check(path, checksum_in(metadata))
    except BlobDamaged as exc:
        return _problem(ProblemKind.BLOB_DAMAGED, path, str(exc), archive_id)
    return None


def _add(tx: Connection, batch: Sequence[Adopted]) -> None:
    for each in batch:
        if each.entry is None:
            continue
        entries.add(tx, each.entry)
        for report in each.in_order:
            reports.add(tx, report)
        if each.reports:
            entries.show_reports(tx, each.entry.archive_id, each.in_force)


def _stray_problem(root: Path, stray: Stray) -> Problem:
    if stray.reason:
        message = f"{root / stray.path}: cannot be listed ({stray.reason}); check its rights, then rebuild again"
        return _problem(ProblemKind.BLOB_UNREADABLE, stray.path, message)
    return _problem(ProblemKind.BLOB_UNKNOWN, stray.path, f"{root / stray.path}: is not a blob by its name; not added")


def _problem(kind: ProblemKind, path: str, message: str, archive_id: str | None = None) -> Problem:
    return Problem(kind=kind, path=path, archive_id=archive_id, message=message)


def _foreign(path: Path, exc: Exception) -> str:
    return f"{path}: cannot be added ({exc!r}); restore this file from a backup, then rebuild again"
