"""Findings and checks in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pywats_archive.models.operation.integrity import Finding, Problem, ProblemKind
from pywats_archive.web.views.words import visible

_KINDS = {
    ProblemKind.BLOB_DAMAGED: "File damaged",
    ProblemKind.HEADER_DAMAGED: "Header damaged",
    ProblemKind.CHECKSUM_MISMATCH: "Content altered",
    ProblemKind.BLOB_UNREADABLE: "File unreadable",
    ProblemKind.BLOB_MISSING: "File missing",
    ProblemKind.BLOB_UNKNOWN: "Unknown file",
    ProblemKind.ENTRY_MISSING: "Entry missing",
    ProblemKind.RECORD_ALTERED: "Record altered",
    ProblemKind.HALF_WRITTEN: "Half-written file",
    ProblemKind.CHAIN_BROKEN: "History altered",
    ProblemKind.ROW_ALTERED: "Row altered",
    ProblemKind.ROW_UNRECORDED: "Row not in history",
    ProblemKind.ROW_MISSING: "Row missing",
    ProblemKind.SUM_ALTERED: "Sums altered",
    ProblemKind.TRIGGER_ALTERED: "Trigger altered",
    ProblemKind.TEXT_ALTERED: "Search index altered",
    ProblemKind.TABLE_ALTERED: "Table altered",
    ProblemKind.HISTORY_CUT: "History cut off",
    ProblemKind.HISTORY_ALTERED: "History recomputed",
    ProblemKind.HISTORY_REPLACED: "History replaced",
    ProblemKind.HISTORY_LOST: "History lost",
    ProblemKind.ANCHOR_DAMAGED: "Anchor damaged",
    ProblemKind.ANCHOR_KEY: "Anchor of another key",
    ProblemKind.ANCHOR_FOREIGN: "Anchor of another archive",
    ProblemKind.ARCHIVE_ALTERED: "Identity altered",
    ProblemKind.STAMP_DAMAGED: "Time stamp damaged",
    ProblemKind.STAMP_MISSING: "Time stamp missing",
    ProblemKind.STAMP_UNTRUSTED: "Time stamp of an unknown authority",
    ProblemKind.CATALOG_DAMAGED: "Catalog damaged",
    ProblemKind.KEY_MISSING: "Key missing",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemRow:
    """One problem: what is wrong, where, and what to do."""

    kind: str
    archive_id: str | None
    path: str
    message: str
    found_at: datetime | None = None


def findings(found: Iterable[Finding]) -> tuple[ProblemRow, ...]:
    """Return the open findings of services."""
    return tuple(_row(each.problem, each.found_at) for each in found)


def problems(found: Iterable[Problem]) -> tuple[ProblemRow, ...]:
    """Return the problems of a check."""
    return tuple(_row(each, None) for each in found)


def _row(problem: Problem, found_at: datetime | None) -> ProblemRow:
    return ProblemRow(
        kind=_KINDS[problem.kind],
        archive_id=problem.archive_id,
        path=visible(problem.path),
        message=visible(problem.message, most=2000),
        found_at=found_at,
    )
