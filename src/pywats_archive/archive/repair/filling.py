"""Fills a new catalog from blobs, each of which is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from pywats_archive.archive.alone import each_alone
from pywats_archive.archive.audit.inventory import Holding, Stray, count_files, holdings, on_disk
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.folder.role import metadata_in_place
from pywats_archive.archive.repair.adopted import Adopted, stand_in
from pywats_archive.archive.repair.adoption import companions_of, entry_of, further, report_of
from pywats_archive.archive.repair.decided import Decided
from pywats_archive.blobs.header import checksum_in
from pywats_archive.blobs.reading import Sizes
from pywats_archive.catalog import entries, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import ArchiveError, BlobDamaged, BlobMissing, BlobOutside, UsageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.integrity import OnProgress, Problem, ProblemKind

_BATCH = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What a new catalog was filled with, from blobs that it had no row for."""

    entries: int
    reports: int
    companions: int
    without_source: int
    without_outcome: int
    purged: int


class Filling:
    """Reads each blob without a row once and fills the new catalog, some hundred entries per commit."""

    def __init__(self, archive: Archive, before: Decided, on_progress: OnProgress | None) -> None:
        self._archive = archive
        self._on_progress = on_progress
        self._before = before
        self._moment = archive.now()
        self._total = count_files(archive.root) if on_progress else 0
        self._done = self._entries = self._reports = self._companions = self._without_source = 0
        self._purged = self._without_outcome = 0
        self.problems: list[Problem] = []

    def fill(self) -> Counts:
        """Fill an empty catalog with everything that the blobs say."""
        return self._fill(lambda strays: on_disk(self._archive.root, strays))

    def fill_up(self, update: Callable[[Holding], Sequence[Problem]]) -> Counts:
        """Fill a catalog that has rows with what it has no entry for; ``update`` compares each entry that it has."""

        def unknown(strays: list[Stray]) -> Iterator[Holding]:
            for holding in holdings(self._archive, strays):
                if holding.entry or holding.reports or holding.faults:
                    self.problems += update(holding)
                    for _ in holding.files:
                        self._advance()
                else:
                    yield holding

        return self._fill(unknown)

    def _fill(self, unknown: Callable[[list[Stray]], Iterator[Holding]]) -> Counts:
        strays: list[Stray] = []
        for top in (layout.SOURCES, layout.REPORTS):
            self._archive.blobs.remove_temporary(top, report=lambda path: None)
        adopted = map(self._adopt, unknown(strays))
        while batch := tuple(islice(adopted, _BATCH)):
            for _ in each_alone(self._add, batch, self._skip):
                pass
        self.problems += [_stray_problem(self._archive.root, stray) for stray in strays]
        return Counts(
            entries=self._entries,
            reports=self._reports,
            companions=self._companions,
            without_source=self._without_source,
            without_outcome=self._without_outcome,
            purged=self._purged,
        )

    def _advance(self) -> None:
        self._done += 1
        if self._on_progress:
            self._on_progress(self._done, max(self._total, self._done))

    def _add(self, batch: Sequence[Adopted]) -> None:
        self._archive.write(lambda tx: _add(tx, batch))

    def _skip(self, adopted: Adopted, error: Exception) -> None:
        """Continue without an entry that the catalog cannot hold; its blobs stay where they are."""
        entry = adopted.entry
        assert entry is not None
        path = entry.source_archived_path or next((report.archived_path for report in adopted.reports), "")
        message = f"{self._archive.root / path}: is not added, nor are its other blobs ({error}); keep it for inquiry"
        self.problems.append(problem_at(ProblemKind.HEADER_DAMAGED, path, message, entry.archive_id))
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
            self._advance()
        if adopted.entry is None and adopted.reports:
            adopted = replace(adopted, entry=stand_in(self._archive, holding.archive_id))
            self._without_source += 1
        if adopted.entry:
            entry = replace(adopted.entry, **adopted.outcome, rebuilt_at=self._moment)
            adopted = replace(adopted, entry=entry)
            self._entries += 1
            self._without_outcome += entry.conversion_status is ConversionStatus.PENDING
        self._reports += len(adopted.reports)
        self._companions += adopted.companions
        self.problems += adopted.problems
        return adopted

    def _finish_purge(self, holding: Holding) -> Adopted:
        """Remove the remaining blobs of an entry that is recorded as purged, and add no row for them."""
        self._done += len(holding.files)
        self.problems += remove_remaining(self._archive, holding)
        self._purged += 1
        return Adopted()

    def _with(self, adopted: Adopted, archive_id: str, path: str) -> Adopted:
        """Add what one blob says; an unreadable one is a problem, and is added with what its header says."""
        archive, problem = self._archive, None
        try:
            with archive.blobs.opened(path) as blob:
                metadata = metadata_in_place(path, blob.label.metadata)
                if metadata["archive_id"] != archive_id:
                    owner = metadata["archive_id"]
                    raise BlobDamaged(f"{archive.root / path}: says that it belongs to {owner}; not added")
                content, problem = content_of(archive, path, archive_id, metadata, blob.chunks)
            found = _ADDITIONS[metadata["kind"]](self, adopted, path, metadata, content, blob.sizes)
            return replace(found, problems=(*adopted.problems, problem)) if problem else found
        except Exception as exc:
            if isinstance(exc, ArchiveError) and not isinstance(exc, BlobDamaged | BlobMissing | UsageError):
                raise
            message = str(exc) if isinstance(exc, ArchiveError) else _foreign(archive.root / path, exc)
            unread = problem or problem_at(ProblemKind.HEADER_DAMAGED, path, message, archive_id)
            return replace(adopted, problems=(*adopted.problems, unread))

    def _add_source(
        self, adopted: Adopted, path: str, metadata: dict[str, Any], content: bytes | None, sizes: Sizes
    ) -> Adopted:
        if adopted.entry:
            raise BlobDamaged(f"{self._archive.root / path}: is a second source of its entry; not added")
        return replace(adopted, entry=entry_of(self._archive, path, metadata, sizes))

    def _add_companions(
        self, adopted: Adopted, path: str, metadata: dict[str, Any], content: bytes | None, sizes: Sizes
    ) -> Adopted:
        entry = adopted.entry or stand_in(self._archive, metadata["archive_id"])
        new = further(entry, companions_of(self._archive, path, metadata))
        if not new:  # the next recovery removes it
            return adopted
        self._without_source += adopted.entry is None
        disk = entry.disk_size_bytes + sizes.disk_bytes
        whole = replace(entry, companions=(*entry.companions, *new), disk_size_bytes=disk)
        return replace(adopted, entry=whole, companions=adopted.companions + 1)

    def _add_report(
        self, adopted: Adopted, path: str, metadata: dict[str, Any], content: bytes | None, sizes: Sizes
    ) -> Adopted:
        report = report_of(self._archive, path, metadata, content, sizes)
        return replace(adopted, reports=(*adopted.reports, report))


_ADDITIONS = {"source": Filling._add_source, "companions": Filling._add_companions, "report": Filling._add_report}


def remove_remaining(archive: Archive, holding: Holding) -> tuple[Problem, ...]:
    """Remove the remaining blobs of an entry that is recorded as purged; returns what cannot be removed."""
    remaining = [path for path in holding.files if archive.blobs.is_of(path, holding.archive_id)]
    try:
        for failure in archive.blobs.remove_durably(remaining).values():
            raise failure
    except (OSError, BlobOutside) as exc:
        message = f"{archive.root / remaining[0]}: was purged and cannot be removed ({exc}); remove it"
        return (problem_at(ProblemKind.BLOB_UNKNOWN, remaining[0], message, holding.archive_id),)
    return ()


def content_of(
    archive: Archive, path: str, archive_id: str, metadata: dict[str, Any], chunks: Iterator[bytes]
) -> tuple[bytes | None, Problem | None]:
    """Read a blob to its end; return the document of a report, empty for another blob, or what is wrong with the content."""
    is_report = metadata.get("kind") == "report"
    try:
        checked = archive.blobs.checked(path, chunks, checksum_in(metadata))
        return b"".join(chunk for chunk in checked if is_report), None
    except BlobDamaged as exc:
        return None, problem_at(ProblemKind.BLOB_DAMAGED, path, str(exc), archive_id)


def _add(tx: Connection, batch: Sequence[Adopted]) -> None:
    for each in batch:
        if each.entry is None:
            continue
        entries.add(tx, each.entry, shown=each.in_force)
        for report in each.in_order:
            reports.add(tx, report)


def _stray_problem(root: Path, stray: Stray) -> Problem:
    if stray.reason:
        message = f"{root / stray.path}: cannot be listed ({stray.reason}); check its rights, then rebuild again"
        return problem_at(ProblemKind.BLOB_UNREADABLE, stray.path, message)
    return problem_at(
        ProblemKind.BLOB_UNKNOWN, stray.path, f"{root / stray.path}: is not a blob by its name; not added"
    )


def problem_at(kind: ProblemKind, path: str, message: str, archive_id: str | None = None) -> Problem:
    """Return a problem with the file at ``path``."""
    return Problem(kind=kind, path=path, archive_id=archive_id, message=message)


def _foreign(path: Path, exc: Exception) -> str:
    return f"{path}: cannot be added ({exc!r}); restore this file from a backup, then rebuild again"
