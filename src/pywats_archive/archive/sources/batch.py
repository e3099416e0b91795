"""Archiving several small files together: their bytes are flushed at once, and their rows are in one commit.

Anything else is archived alone: folders, files with companions, large files, files that were archived before. So is each
file that fails here; what is wrong with it is found again then.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources.committing import commit
from pywats_archive.archive.sources.draft import Draft, NewSource
from pywats_archive.blobs.batch import Blob, BlobBatch
from pywats_archive.catalog import entries
from pywats_archive.catalog.engine import Connection
from pywats_archive.catalog.savepoints import each_alone
from pywats_archive.models.entry import ArchiveEntry, SourceKind

LARGEST_BYTES = 500_000
"""A larger file gains nothing from a group: writing its bytes takes longer than the flush itself."""
_LONGEST_S = 0.1
"""The time in which files are added to a batch; the first one waits for the last."""
_MOST_UNWRITTEN_BYTES = 64_000_000
_LEAST = 8
"""After a batch of fewer files the others are archived alone: threads read slow files side by side."""

Outcome = ArchiveEntry | Exception


class NotTogether(Exception):
    """The source is to be archived alone."""


def archive_several(archive: Archive, sources: Sequence[NewSource]) -> list[Outcome]:
    """Archive files together; returns the entry of each, durable and committed (invariant 1), or why it has none.

    A source without an entry is as it was: ``archive_source`` archives it alone, or raises what is wrong with it. An error
    that concerns no single source is raised if no source has an outcome yet.
    """
    archive.require_owner()
    outcomes: dict[int, Outcome] = {}
    rest = dict(enumerate(sources))
    while rest:
        try:
            _archive_batch(archive, rest, outcomes)
        except Exception:
            if not outcomes:
                raise
            break  # the caller must learn of the entries that are committed; the rest meets the error again
        before, rest = len(rest), {number: each for number, each in rest.items() if number not in outcomes}
        if before - len(rest) < _LEAST:
            break
    return [outcomes.get(number, NotTogether(source.path)) for number, source in enumerate(sources)]


def _archive_batch(archive: Archive, sources: Mapping[int, NewSource], outcomes: dict[int, Outcome]) -> None:
    """Archive as many of the sources as fit in a batch; adds the outcome of each that was tried."""
    written: dict[int, tuple[Draft, Blob]] = {}
    with archive.blobs.batch() as batch:
        drafts = _prepare(archive, sources, batch, outcomes)
        for (number, draft), blob in zip(drafts.items(), batch.finish(), strict=True):
            if isinstance(blob, Blob):
                written[number] = draft, blob
            else:
                outcomes[number] = blob
        outcomes |= _enter(archive, written)  # before what is left is removed, for that may fail


def _prepare(
    archive: Archive, sources: Mapping[int, NewSource], batch: BlobBatch, outcomes: dict[int, Outcome]
) -> dict[int, Draft]:
    """Write the blobs of those sources that can be archived together; errors are added to ``outcomes``."""
    drafts: dict[int, Draft] = {}
    paths: set[Path] = set()
    with archive.read() as db:
        known = entries.known_paths(db, [os.fspath(source.arrived_at) for source in sources.values()])
    began_s = time.monotonic()  # not before: on a slow disk, the look-up alone may take longer than all files may
    for number, source in sources.items():
        if time.monotonic() - began_s > _LONGEST_S or batch.unwritten_bytes > _MOST_UNWRITTEN_BYTES:
            break
        try:
            draft = Draft.of(archive, source, is_path_new=os.fspath(source.arrived_at) not in known)
            _require_plain(draft, paths)
            draft.prepare(batch)
        except Exception as exc:
            outcomes[number] = exc
        else:
            drafts[number] = draft
            paths.add(source.path)
    return drafts


def _require_plain(draft: Draft, others: Collection[Path]) -> None:
    """Raise NotTogether for a source that needs more than one new blob, or none, or whose path is in the batch already."""
    source = draft.source
    is_plain = draft.kind is SourceKind.FILE and source.keep_source and not source.companion_rules
    is_small = draft.stamp.size_bytes <= LARGEST_BYTES
    if not (is_plain and is_small) or source.path in others or (draft.key and draft.stored_as_companion(draft.key)):
        raise NotTogether(source.path)


def _enter(archive: Archive, written: Mapping[int, tuple[Draft, Blob]]) -> dict[int, Outcome]:
    """Commit the entries of published blobs; the blob of one that fails is removed."""
    catalog = archive.catalog
    units = [partial(_named_and_committed, draft=draft, blob=blob) for draft, blob in written.values()]
    found: list[Outcome] = []
    try:
        if units:
            archive.blobs.sync_name(next(iter(written.values()))[1])  # of all: before the transaction, not within
        while len(found) < len(units):  # in several commits while others wait: a live file is not to wait for all
            rest = each_alone(units[len(found) :], catalog.path, is_awaited=catalog.is_awaited)
            found += archive.write(rest, is_patient=True)
    except Exception as exc:
        found += [exc] * (len(units) - len(found))
    for outcome, (draft, blob) in zip(found, written.values(), strict=True):
        if isinstance(outcome, Exception):
            archive.remove_uncommitted(draft.id_of(blob), [blob])
        elif draft.key:
            draft.remember(draft.key, blob)
    return dict(zip(written, found, strict=True))


def _named_and_committed(tx: Connection, *, draft: Draft, blob: Blob) -> ArchiveEntry:
    entry = draft.entry(draft.id_of(blob), blob.content, [blob], ())
    commit(tx, draft, entry, blob)
    return entry
