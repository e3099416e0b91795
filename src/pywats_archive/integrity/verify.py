"""Checking an archive: every row against its blob, every file against its row, and the chain of events.

It changes nothing and works beside the service. What the service is writing at that moment is no problem: whatever looks
wrong is looked at again in the end, and while a process owns the archive, a file younger than ``YOUNG_S`` may still get
its row.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pywats_archive.archive import codes, inspection, inventory, ledger, purging
from pywats_archive.archive.core import Archive
from pywats_archive.archive.inventory import Holding, Stray
from pywats_archive.archive.ownership import is_owned
from pywats_archive.errors import CatalogDamaged
from pywats_archive.models.integrity import Checked, Problem, ProblemKind, Thoroughness

YOUNG_S = 600.0
"""How long the service may take between writing a file and committing its row: it packs companions between."""
_DOUBTS_AT_ONCE = 1000
_CATALOG = "metadata.db"


def verify(archive: Archive, thoroughness: Thoroughness) -> Iterator[Checked]:
    """Stream what was looked at, with what is wrong; one damaged blob stops nothing. Memory is bounded by a day's names."""
    try:
        yield from _catalog(archive, thoroughness)
        doubts, strays = _Doubts(archive), list(inventory.half_written_beside(archive.root))
        for holding in inventory.holdings(archive, strays):
            yield from _holding(archive, holding, thoroughness, doubts)
            if doubts.are_many:
                yield from doubts.resolve()
            if len(strays) > _DOUBTS_AT_ONCE:
                yield from _strays(archive, strays)
        yield from doubts.resolve()
        yield from _strays(archive, strays)
        yield from _codes(archive)
        for fault in ledger.bad_rows(archive):
            yield Checked(problem=_fault(archive, fault, None))
    except CatalogDamaged as exc:
        told = f"{exc}; what it names from there on was not checked"
        yield Checked(problem=Problem(kind=ProblemKind.CATALOG_DAMAGED, path=_CATALOG, message=told))


def _catalog(archive: Archive, thoroughness: Thoroughness) -> Iterator[Checked]:
    path = archive.root / _CATALOG
    for fault in archive.catalog.faults(thorough=not thoroughness.quick):
        told = f"{path} is damaged ({fault}): run 'pywats-archive rebuild'"
        yield Checked(problem=Problem(kind=ProblemKind.CATALOG_DAMAGED, path=_CATALOG, message=told))
    if broken := inventory.first_break(archive):
        what = f"event {broken.sequence} ({broken.kind}, {broken.at:%Y-%m-%d %H:%M:%S} UTC)"
        told = (
            f"{path}: the history is broken at {what}: it, or what stood before it, was altered; compare with a backup"
        )
        found = Problem(kind=ProblemKind.CHAIN_BROKEN, path=_CATALOG, archive_id=broken.archive_id, message=told)
        yield Checked(problem=found)
    for archive_id in inventory.gone_entries(archive):
        told = f"{path}: the history tells of entry {archive_id}, and its row is gone; compare with a backup"
        yield Checked(problem=_problem(ProblemKind.ENTRY_MISSING, _CATALOG, archive_id, told))


def _codes(archive: Archive) -> Iterator[Checked]:
    for path, fault in codes.look_at_all(archive):
        told = f"{fault}; replays with this original converter are skipped"
        yield Checked(problem=_problem(ProblemKind.BLOB_DAMAGED, path, None, told) if fault else None, blobs=1)


def _holding(archive: Archive, holding: Holding, thoroughness: Thoroughness, doubts: _Doubts) -> Iterator[Checked]:
    for fault in holding.faults:
        yield Checked(problem=_fault(archive, fault, holding.archive_id))
    if holding.entry is None and not holding.faults:
        for report in holding.reports:
            told = f"{archive.root}: report {report.report_id} has no entry {holding.archive_id}; run 'pywats-archive rebuild'"
            orphan = _problem(ProblemKind.ENTRY_MISSING, report.archived_path, holding.archive_id, told)
            doubts.add(_Doubt(archive_id=holding.archive_id, path=report.archived_path, problem=orphan))
    if holding.is_purged and not inventory.is_purge_on_record(archive, holding.archive_id):
        row = f"{archive.root / _CATALOG}: the row of {holding.archive_id}"
        told = f"{row} says that it was purged, the history does not; compare with a backup"
        yield Checked(problem=_problem(ProblemKind.RECORD_ALTERED, _CATALOG, holding.archive_id, told))
    for blob, problem in inspection.look_at_all(archive, holding, lambda path: _is_read_whole(path, thoroughness)):
        if problem and problem.kind is ProblemKind.BLOB_MISSING:
            doubts.add(_Doubt(archive_id=holding.archive_id, path=blob.path, problem=problem))
            yield Checked(blobs=1)
        else:
            yield Checked(problem=problem, blobs=1)
    for path in holding.files:
        if path not in holding.recorded_paths and not holding.faults:  # a row that makes no sense may name it
            doubts.add(_Doubt(archive_id=holding.archive_id, path=path))
            yield Checked(blobs=1)


def _fault(archive: Archive, fault: str, archive_id: str | None) -> Problem:
    told = f"{archive.root / _CATALOG}: {fault}; what it names was not checked: run 'pywats-archive rebuild'"
    return _problem(ProblemKind.CATALOG_DAMAGED, _CATALOG, archive_id, told)


def _is_read_whole(path: str, thoroughness: Thoroughness) -> bool:
    if thoroughness.quick or thoroughness.sample_percent >= 100:
        return not thoroughness.quick
    drawn = hashlib.sha256(f"{thoroughness.seed}\n{path}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(drawn[:8], "big") < thoroughness.sample_percent / 100 * 2**64


@dataclass(frozen=True, kw_only=True, slots=True)
class _Doubt:
    """A row that lacks its blob or its entry, or a file that lacks its row, as it seemed."""

    archive_id: str
    path: str
    problem: Problem | None = None
    """None for a file without a row."""


class _Doubts:
    """What seemed wrong and may have been on its way: looked at again after some time."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._doubts: list[_Doubt] = []

    @property
    def are_many(self) -> bool:
        return len(self._doubts) >= _DOUBTS_AT_ONCE

    def add(self, doubt: _Doubt) -> None:
        self._doubts.append(doubt)

    def resolve(self) -> Iterator[Checked]:
        """Look again; the owner is asked for first, so that what an owner that left has done is seen."""
        doubts, self._doubts = self._doubts, []
        has_owner = bool(doubts) and is_owned(self._archive.root)
        for doubt in doubts:
            again = self._lacking(doubt, doubt.problem) if doubt.problem else self._unknown(doubt, has_owner=has_owner)
            if again:
                yield Checked(problem=again)

    def _lacking(self, doubt: _Doubt, problem: Problem) -> Problem | None:
        if problem.kind is ProblemKind.ENTRY_MISSING:
            return None if inventory.current(self._archive, doubt.archive_id).entry else problem
        return inspection.look_again(self._archive, doubt.archive_id, doubt.path, whole=False)

    def _unknown(self, doubt: _Doubt, *, has_owner: bool) -> Problem | None:
        age_s = _age_s(self._archive, doubt.path)
        if age_s is None or (has_owner and age_s < YOUNG_S):
            return None
        now = inventory.current(self._archive, doubt.archive_id)
        if now.is_purged:
            return self._still_there(doubt)
        if doubt.path in now.recorded_paths:
            return None
        return _unknown_problem(self._archive, doubt.path, doubt.archive_id)

    def _still_there(self, doubt: _Doubt) -> Problem | None:
        """Judge a file whose entry was purged: it may be about to go."""
        if purging.is_any_unfinished(self._archive) or _age_s(self._archive, doubt.path) is None:
            return None
        told = f"{self._archive.root / doubt.path}: its entry was purged, and the file is still there; remove it"
        return _problem(ProblemKind.BLOB_UNKNOWN, doubt.path, doubt.archive_id, told)


def _strays(archive: Archive, strays: list[Stray]) -> Iterator[Checked]:
    has_owner = bool(strays) and is_owned(archive.root)
    for stray in strays:
        if problem := _stray_problem(archive, stray, has_owner=has_owner):
            yield Checked(problem=problem)
    strays.clear()


def _stray_problem(archive: Archive, stray: Stray, *, has_owner: bool) -> Problem | None:
    where = archive.root / stray.path
    if stray.reason:
        told = f"{where}: cannot be listed ({stray.reason}); check the folder's rights"
        return _problem(ProblemKind.BLOB_UNREADABLE, stray.path, None, told)
    age_s = _age_s(archive, stray.path)
    if age_s is None or (has_owner and age_s < YOUNG_S):
        return None
    if stray.is_half_written:
        told = f"{where}: was left half-written, and nothing counts on it; remove it"
        return _problem(ProblemKind.HALF_WRITTEN, stray.path, None, told)
    return _unknown_problem(archive, stray.path, None)


def _unknown_problem(archive: Archive, path: str, archive_id: str | None) -> Problem:
    told = f"{archive.root / path}: no row names this file; 'pywats-archive rebuild' takes in a blob, move away what is none"
    return _problem(ProblemKind.BLOB_UNKNOWN, path, archive_id, told)


def _age_s(archive: Archive, path: str) -> float | None:
    """How long ago a file was written or put in place; None when it is gone.

    A time that is yet to come, by a clock that was set back since, is as far away as one that is over.
    """
    try:
        status = (archive.root / path).lstat()
    except OSError:
        return None
    return abs(time.time() - max(status.st_mtime, status.st_ctime))


def _problem(kind: ProblemKind, path: str, archive_id: str | None, message: str) -> Problem:
    return Problem(kind=kind, path=path, archive_id=archive_id, message=message)
