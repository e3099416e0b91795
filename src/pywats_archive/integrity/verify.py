"""Checking an archive: every row against its blob, every file against its row, and the chain of events.

It changes nothing and works beside the service. What the service is writing at that moment is no problem: suspected
problems are checked again at the end, and while a process owns the archive, a file younger than ``GRACE_S`` may still get
its row.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from pywats_archive.archive import ledger, purging
from pywats_archive.archive.anchors.checking import AnchorChecks
from pywats_archive.archive.audit import history, inspection, inventory
from pywats_archive.archive.audit.inventory import Holding, Stray
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.layout import CATALOG, DESCRIPTION
from pywats_archive.archive.folder.ownership import is_owned
from pywats_archive.errors import CatalogDamaged
from pywats_archive.integrity.anchors import AnchorPlaces, check_anchors
from pywats_archive.integrity.loose import check_loose
from pywats_archive.models.operation.integrity import Checked, HistoryChecked, Problem, ProblemKind, Thoroughness

GRACE_S = 600.0
"""Grace period: the longest time between writing a file and committing its row, while companions are packed."""
_DOUBTS_AT_ONCE = 1000
_NOWHERE = AnchorPlaces()


def verify(archive: Archive, thoroughness: Thoroughness, anchors: AnchorPlaces = _NOWHERE) -> Iterator[Checked]:
    """Yield each checked file with its fault; a damaged blob does not stop the check. Memory is bounded by a day's names.

    The history is compared with anchors last: those in headers of blobs, in the archive, and in these places.
    """
    shown = AnchorChecks(archive)
    try:
        covered = yield from _catalog(archive, thoroughness, shown)
        if thoroughness.chain:
            yield from check_anchors(archive, anchors, shown, covered)
            return
        suspects, strays = _Suspects(archive), list(inventory.half_written_beside(archive.root))
        for holding in inventory.holdings(archive, strays):
            yield from _holding(archive, holding, thoroughness, suspects, shown)
            if suspects.are_many:
                yield from suspects.resolve()
            if len(strays) > _DOUBTS_AT_ONCE:
                yield from _strays(archive, strays)
        yield from suspects.resolve()
        yield from _strays(archive, strays)
        yield from check_loose(archive, lambda path: _is_read_whole(path, thoroughness))
        if locked := archive.blobs.locked:
            message = f"{locked}; without the key, encrypted bytes were compared with their digests only"
            yield Checked(problem=_problem(ProblemKind.KEY_MISSING, DESCRIPTION, None, message))
        for fault in ledger.bad_rows(archive):
            yield Checked(problem=_fault(archive, fault, None))
        yield from check_anchors(archive, anchors, shown, covered)
    except CatalogDamaged as exc:
        message = f"{exc}; what it names from there on was not checked"
        yield Checked(problem=Problem(kind=ProblemKind.CATALOG_DAMAGED, path=CATALOG, message=message))


def _catalog(
    archive: Archive, thoroughness: Thoroughness, shown: AnchorChecks
) -> Generator[Checked, None, HistoryChecked]:
    """Check the catalog by itself; returns what its history covers."""
    path = archive.root / CATALOG
    is_thorough = not (thoroughness.quick or thoroughness.chain)
    for fault in archive.catalog.faults(thorough=is_thorough):
        message = f"{path} is damaged ({fault}): run 'pywats-archive rebuild'"
        yield Checked(problem=Problem(kind=ProblemKind.CATALOG_DAMAGED, path=CATALOG, message=message))
    covered = HistoryChecked(archive=str(archive.root), events=0, bound_from=None)
    for found in history.check(archive, on_break=shown.break_at):
        if isinstance(found, Problem):
            yield Checked(problem=found)
        else:
            covered = found
    return covered


def _holding(
    archive: Archive, holding: Holding, thoroughness: Thoroughness, suspects: _Suspects, shown: AnchorChecks
) -> Iterator[Checked]:
    for fault in holding.faults:
        yield Checked(problem=_fault(archive, fault, holding.archive_id))
    if holding.entry is None and not holding.faults:
        for report in holding.reports:
            missing = f"report {report.report_id} has no entry {holding.archive_id}"
            message = f"{archive.root}: {missing}; run 'pywats-archive rebuild'"
            orphan = _problem(ProblemKind.ENTRY_MISSING, report.archived_path, holding.archive_id, message)
            suspects.add(_Suspect(archive_id=holding.archive_id, path=report.archived_path, problem=orphan))
    if holding.is_purged and not inventory.is_purge_on_record(archive, holding.archive_id):
        row = f"{archive.root / CATALOG}: the row of {holding.archive_id}"
        message = f"{row} says that it was purged, the history does not; compare with a backup"
        yield Checked(problem=_problem(ProblemKind.RECORD_ALTERED, CATALOG, holding.archive_id, message))
    checks = inspection.check_all(
        archive, holding, lambda path: _is_read_whole(path, thoroughness), on_header=shown.add_carried
    )
    for blob, problem in checks:
        if problem and problem.kind is ProblemKind.BLOB_MISSING:
            suspects.add(_Suspect(archive_id=holding.archive_id, path=blob.path, problem=problem))
            yield Checked(blobs=1)
        else:
            yield Checked(problem=problem, blobs=1)
    for path in holding.files:
        if path not in holding.recorded_paths and not holding.faults:  # an invalid row may name it
            suspects.add(_Suspect(archive_id=holding.archive_id, path=path))
            yield Checked(blobs=1)


def _fault(archive: Archive, fault: str, archive_id: str | None) -> Problem:
    message = f"{archive.root / CATALOG}: {fault}; what it names was not checked: run 'pywats-archive rebuild'"
    return _problem(ProblemKind.CATALOG_DAMAGED, CATALOG, archive_id, message)


def _is_read_whole(path: str, thoroughness: Thoroughness) -> bool:
    if thoroughness.quick or thoroughness.sample_percent >= 100:
        return not thoroughness.quick
    drawn = hashlib.sha256(f"{thoroughness.seed}\n{path}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(drawn[:8], "big") < thoroughness.sample_percent / 100 * 2**64


@dataclass(frozen=True, kw_only=True, slots=True)
class _Suspect:
    """A row that seems to lack its blob or entry, or a file that seems to lack its row."""

    archive_id: str
    path: str
    problem: Problem | None = None
    """None for a file without a row."""


class _Suspects:
    """Suspected problems, which are checked again after the grace period."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._suspects: list[_Suspect] = []

    @property
    def are_many(self) -> bool:
        return len(self._suspects) >= _DOUBTS_AT_ONCE

    def add(self, suspect: _Suspect) -> None:
        self._suspects.append(suspect)

    def resolve(self) -> Iterator[Checked]:
        """Check again; the owner is determined first, so that the work of one that ended is complete."""
        suspects, self._suspects = self._suspects, []
        has_owner = bool(suspects) and is_owned(self._archive.root)
        for suspect in suspects:
            again = (
                self._lacking(suspect, suspect.problem)
                if suspect.problem
                else self._unknown(suspect, has_owner=has_owner)
            )
            if again:
                yield Checked(problem=again)

    def _lacking(self, suspect: _Suspect, problem: Problem) -> Problem | None:
        if problem.kind is ProblemKind.ENTRY_MISSING:
            return None if inventory.current(self._archive, suspect.archive_id).entry else problem
        return inspection.recheck(self._archive, suspect.archive_id, suspect.path, whole=False)

    def _unknown(self, suspect: _Suspect, *, has_owner: bool) -> Problem | None:
        age_s = _age_s(self._archive, suspect.path)
        if age_s is None or (has_owner and age_s < GRACE_S):
            return None
        now = inventory.current(self._archive, suspect.archive_id)
        if now.is_purged:
            return self._still_there(suspect)
        if suspect.path in now.recorded_paths:
            return None
        return _unknown_problem(self._archive, suspect.path, suspect.archive_id)

    def _still_there(self, suspect: _Suspect) -> Problem | None:
        """Check a file whose entry was purged: its removal may be in progress."""
        if purging.is_any_unfinished(self._archive) or _age_s(self._archive, suspect.path) is None:
            return None
        message = f"{self._archive.root / suspect.path}: its entry was purged, and the file is still there; remove it"
        return _problem(ProblemKind.BLOB_UNKNOWN, suspect.path, suspect.archive_id, message)


def _strays(archive: Archive, strays: list[Stray]) -> Iterator[Checked]:
    has_owner = bool(strays) and is_owned(archive.root)
    for stray in strays:
        if problem := _stray_problem(archive, stray, has_owner=has_owner):
            yield Checked(problem=problem)
    strays.clear()


def _stray_problem(archive: Archive, stray: Stray, *, has_owner: bool) -> Problem | None:
    where = archive.root / stray.path
    if stray.reason:
        message = f"{where}: cannot be listed ({stray.reason}); check the folder's rights"
        return _problem(ProblemKind.BLOB_UNREADABLE, stray.path, None, message)
    age_s = _age_s(archive, stray.path)
    if age_s is None or (has_owner and age_s < GRACE_S):
        return None
    if stray.is_half_written:
        message = f"{where}: was left half-written, and nothing relies on it; remove it"
        return _problem(ProblemKind.HALF_WRITTEN, stray.path, None, message)
    return _unknown_problem(archive, stray.path, None)


def _unknown_problem(archive: Archive, path: str, archive_id: str | None) -> Problem:
    message = (
        f"{archive.root / path}: no row names this file; 'pywats-archive rebuild' adds a blob; move away anything else"
    )
    return _problem(ProblemKind.BLOB_UNKNOWN, path, archive_id, message)


def _age_s(archive: Archive, path: str) -> float | None:
    """How long ago a file was written or put in place; None when it is gone.

    A time in the future, from before the clock was set back, counts by its distance like one in the past.
    """
    try:
        status = (archive.root / path).lstat()
    except OSError:
        return None
    return abs(time.time() - max(status.st_mtime, status.st_ctime))


def _problem(kind: ProblemKind, path: str, archive_id: str | None, message: str) -> Problem:
    return Problem(kind=kind, path=path, archive_id=archive_id, message=message)
