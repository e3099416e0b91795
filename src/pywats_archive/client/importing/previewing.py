"""The preview of an import: the same survey and the same look-ups, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from pywats_archive.archive import sampling
from pywats_archive.archive.core import Archive
from pywats_archive.archive.imported import known
from pywats_archive.client.importing import room
from pywats_archive.client.importing.items import Item, ItemKind
from pywats_archive.client.importing.running import undone
from pywats_archive.models.operation.importing import ImportPreview, NotImported
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.retention import enforcing

_AT_ONCE = 500


def preview(
    archive: Archive | None,
    items: Iterable[Item | NotImported],
    policy: RetentionPolicy,
    *,
    root: Path,
    folder: Path,
    now: datetime,
) -> ImportPreview:
    """Return what an import would do; ``archive`` is None if there is none yet."""
    if archive and archive.is_compliant:  # nothing is purged for the size limit there before it is due by age
        policy = replace(policy, min_days=max(policy.min_days, policy.retention_days))
    tally, problems, already = room.Tally(), list[NotImported](), 0
    oldest_kept = room.first_kept(policy, now)
    stream = iter(items)
    while batch := list(islice(stream, _AT_ONCE)):
        problems += [each for each in batch if isinstance(each, NotImported)]
        for each in _undone(archive, [item for item in batch if isinstance(item, Item)], policy.converter_name):
            if isinstance(each, Item):
                tally.add(each, older_than=oldest_kept)
            elif isinstance(each, NotImported):
                problems.append(each)
            else:
                already += 1
    ratios, _ = sampling.measure_files(tally.sample, level=policy.compression_level) or (None, 0.0)
    taken = room.disk_bytes(tally, ratios)
    present = enforcing.preview_plan(archive, room.in_fewer_bytes(policy, taken)) if archive else None
    stored = present.disk_size_bytes if present else 0
    oldest, newest = room.extremes(tally.times)
    kinds = tally.kinds
    return ImportPreview(
        archive=str(root),
        folder=str(folder),
        converter_name=policy.converter_name,
        sources=tally.entries,
        files=kinds.get(ItemKind.FILE, 0),
        folders=kinds.get(ItemKind.FOLDER, 0),
        zipped=kinds.get(ItemKind.ZIPPED, 0),
        alone=kinds.get(ItemKind.REPORT, 0),
        reports=tally.reports,
        already_imported=already,
        size_bytes=tally.size_bytes,
        estimated_disk_bytes=taken,
        oldest=oldest,
        newest=newest,
        older_than_policy=tally.old if policy.enabled else 0,
        purged_at_once=room.purged_at_once(policy, present, entries=tally.entries, taken_bytes=taken),
        over_bytes=max(0, stored + taken - policy.max_size_bytes) if policy.enabled and tally.entries else 0,
        max_size_gb=policy.max_size_gb,
        retention_days=policy.retention_days if policy.enabled else None,
        not_imported=tuple(problems),
    )


def _undone(
    archive: Archive | None, batch: list[Item], converter_name: str
) -> Iterable[Item | known.Known | NotImported]:
    if archive is None:
        yield from batch
        return
    moved = known.moved_here(archive, [item.path for item in batch])
    for item in batch:
        yield from undone(archive, item, converter_name, moved.get(str(item.path)))
