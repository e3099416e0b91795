"""One entry as all blobs of its archive id describe it, and which of its reports are in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.ids import moment_of
from pywats_archive.models.operation.integrity import Problem
from pywats_archive.models.report import IMPORTED, Report

_UNKNOWN_CONVERTER = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Adopted:
    """One entry as its blobs describe it."""

    entry: ArchiveEntry | None = None
    reports: tuple[Report, ...] = ()
    companions: int = 0
    problems: tuple[Problem, ...] = ()
    rolled_back: frozenset[str] = frozenset()
    """The paths of the reports that were rolled back."""

    @property
    def in_order(self) -> tuple[Report, ...]:
        """Return the reports, those in force last: the next conversion continues their ids."""
        return (*(each for each in self.reports if each.archived_path in self.rolled_back), *self._others)

    @property
    def in_force(self) -> tuple[Report, ...]:
        """Return the reports that the entry shows: each conversion's begin with ordinal 1."""
        live = self._others or self.reports
        live = tuple(each for each in live if each.last_error != IMPORTED) or live  # unless it was converted, all are
        first = max((n for n, report in enumerate(live) if report.ordinal == 1), default=0)
        return live[first:]

    @property
    def outcome(self) -> dict[str, Any]:
        """Return how the latest conversion ended, as far as blobs say; an imported entry was not converted, unless replayed."""
        is_imported = self.entry is not None and self.entry.conversion_status is ConversionStatus.SKIPPED
        if is_imported and all(each.last_error == IMPORTED for each in self.reports):
            return {}
        status = ConversionStatus.SUCCESS if self.reports else ConversionStatus.PENDING
        return {"conversion_status": status, "conversion_error": None}

    @property
    def _others(self) -> tuple[Report, ...]:
        return tuple(each for each in self.reports if each.archived_path not in self.rolled_back)


def stand_in(archive: Archive, archive_id: str) -> ArchiveEntry:
    """Return the entry of a source that was not archived, or is unreadable, so that its reports have one."""
    moment = moment_of(archive_id)
    return ArchiveEntry(
        archive_id=archive_id,
        converter_name=_UNKNOWN_CONVERTER,
        source_original_path="",
        source_archived_path="",
        source_checksum="",
        source_size_bytes=0,
        compressed_size_bytes=0,
        conversion_timestamp=moment,
        retention_until=archive.policies.effective(_UNKNOWN_CONVERTER).kept_until(moment.date(), failed=False),
        created_at=moment,
    )
