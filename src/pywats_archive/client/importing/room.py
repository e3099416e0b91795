"""What an import will take in the archive, and what a policy would purge for it: estimates, as pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from pywats_archive.client.importing.items import Item, ItemKind
from pywats_archive.models.operation.capacity import BLOCK_BYTES, CATALOG_BYTES, HEADER_BYTES, MEASURED, Ratios
from pywats_archive.models.retention.policy import GB, RetentionPolicy
from pywats_archive.models.retention.purge import PurgePlan, PurgeReason

SAMPLED_FILES, SAMPLED_BYTES = 40, 50_000_000
"""So many of the files are compressed for the estimate."""
_LEAST_GB = 1e-9


@dataclass(kw_only=True)
class Tally:
    """The sums over the items that would be imported."""

    kinds: dict[ItemKind, int] = field(default_factory=dict)
    reports: int = 0
    size_bytes: int = 0
    file_bytes: int = 0
    """Of the files, whose compression is measured on a sample of them."""
    other_bytes: int = 0
    """Of other sources and of companions, of which nobody knows how far they can be compressed."""
    alone_bytes: int = 0
    """Of the reports that are sources."""
    companions: int = 0
    report_bytes: int = 0
    report_blobs: int = 0
    times: list[datetime] = field(default_factory=list)
    """The earliest and the latest own time."""
    old: int = 0
    sample: list[Path] = field(default_factory=list)
    _sampled_bytes: int = 0

    @property
    def entries(self) -> int:
        """Number of entries."""
        return sum(self.kinds.values())

    def add(self, item: Item, *, older_than: datetime) -> None:
        """Count an item, and choose it for the sample as long as that is small."""
        size = item.look[1].size_bytes
        self.kinds[item.kind] = self.kinds.get(item.kind, 0) + 1
        self.reports += len(item.reports)
        self.size_bytes += item.size_bytes
        if item.kind is ItemKind.FILE:
            self.file_bytes += size
        elif item.kind is ItemKind.REPORT:
            self.alone_bytes += size
        else:
            self.other_bytes += size
        self.other_bytes += item.companion_bytes
        self.companions += len(item.companions)
        documents = item.reports if item.kind is not ItemKind.REPORT else (item,)
        self.report_bytes += sum(each.look[1].size_bytes for each in documents)
        self.report_blobs += len(documents)
        self.times = [min([*self.times, item.own_time]), max([*self.times, item.own_time])]
        self.old += item.own_time < older_than
        is_small = len(self.sample) < SAMPLED_FILES and self._sampled_bytes + size <= SAMPLED_BYTES
        if item.kind is ItemKind.FILE and is_small:
            self.sample.append(item.path)
            self._sampled_bytes += size


def disk_bytes(tally: Tally, ratios: Ratios | None) -> int:
    """Return the disk space that the blobs and rows of a tally will take; what was not measured counts uncompressed."""
    alone_bytes = tally.alone_bytes / MEASURED.report_ratio
    files_bytes = tally.file_bytes / (ratios.source_ratio if ratios else 1)
    sources = _blobs(tally.entries + tally.companions, files_bytes + tally.other_bytes + alone_bytes)
    reports = _blobs(tally.report_blobs, tally.report_bytes / MEASURED.report_ratio)
    return sources + reports + tally.entries * CATALOG_BYTES


def _blobs(number: int, compressed_bytes: float) -> int:
    """Return the disk space of so many blobs: half a block of each is empty in the mean, and none is smaller than one."""
    mean = compressed_bytes / number + HEADER_BYTES if number else 0
    return round(number * max(BLOCK_BYTES, mean + BLOCK_BYTES / 2))


def in_fewer_bytes(policy: RetentionPolicy, taken_bytes: int) -> RetentionPolicy:
    """Return a policy whose size limit leaves room for an import."""
    return replace(policy, max_size_gb=max((policy.max_size_bytes - taken_bytes) / GB, _LEAST_GB))


def purged_at_once(policy: RetentionPolicy, present: PurgePlan | None, *, entries: int, taken_bytes: int) -> int:
    """Return how many entries the size limit purges after an import: those that were there first, then imported ones.

    ``present``: what is purged of the entries that are there under ``in_fewer_bytes``.
    """
    if not policy.enabled:
        return 0
    before = present.purged.get(PurgeReason.MAX_SIZE_GB, 0) if present else 0
    over = taken_bytes - policy.max_size_bytes
    is_kept = policy.min_days > 0 or over <= 0
    return before + (0 if is_kept else min(math.ceil(entries * over / taken_bytes), entries))


def first_kept(policy: RetentionPolicy, now: datetime) -> datetime:
    """Return the time before which the policy would have purged an entry that had been received then."""
    return now - timedelta(days=policy.retention_days)


def extremes(times: Iterable[datetime]) -> tuple[datetime | None, datetime | None]:
    """Return the first and the last of these times; None if there are none."""
    found = list(times)
    return (min(found), max(found)) if found else (None, None)
