"""One task: the entries of a segment converted again and compared, with a result in the vault.

It runs in any process that reaches the vault, and depends on nothing that another task left there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from pywats_archive.archive.alone import is_of_one
from pywats_archive.archive.replica.excerpt import Excerpt, Rows, excerpt
from pywats_archive.errors import ConversionInterrupted, SegmentDamaged, StorageError, WorkersUnavailable
from pywats_archive.models.operation.replay import ItemResult
from pywats_archive.models.plant.replay import PlannedCode, PlannedSegment
from pywats_archive.models.query import EntryFilter
from pywats_archive.plant.replaying.planning import Wanted
from pywats_archive.plant.replaying.records import keys, plan, results
from pywats_archive.plant.replaying.work.items import Items
from pywats_archive.plant.replaying.work.process import ReplayProcess
from pywats_archive.replication.fetching import blobs_of, pieces_of, segment_at, whole_segment
from pywats_archive.replication.segment.reading import Segment
from pywats_archive.reprocessing.effects import skipped
from pywats_archive.vault.store import Vault

_CHECK_S = 5.0
_PAGE = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What to do, as plain values: it names no secret, and the fingerprint of the only code that runs."""

    run: str
    software: str
    wanted: Wanted
    code: PlannedCode
    segment: PlannedSegment


class Outcome(Enum):
    """How a task ended."""

    DONE = "done"
    """The segment has a result."""
    CANCELLED = "cancelled"


def carry_out(task: Task, process: ReplayProcess) -> Outcome:
    """Replay the entries of a segment unless it has a result; durable once this returns.

    What a converter does concerns its own entry alone. VaultError if the segment cannot be read or the result not be stored.
    """
    process.require_same(task.software)
    if process.vault.size_of(keys.result_key(task.run, task.segment.key)) is not None:
        return Outcome.DONE
    return _Segment(task, process).replay()


class _Cancelled(Exception):
    """Somebody cancelled the replay meanwhile."""


class _Segment:
    """The work on one segment."""

    def __init__(self, task: Task, process: ReplayProcess) -> None:
        self._task = task
        self._process = process
        self._vault: Vault = process.vault
        self._checked_s = -_CHECK_S

    def replay(self) -> Outcome:
        began_s = time.monotonic()
        first = whole_segment(self._vault, self._task.segment.key)
        others = [segment_at(self._vault, key) for key in self._task.segment.others]
        portions = [*(_rows_of(each) for each in (*reversed(others), first)), _alone(self._task.segment.rows)]
        try:
            with (
                self._process.scratch.folder() as folder,
                excerpt(folder, first.description.archive, portions, keys=self._process.keys) as made,
            ):
                done = list(self._items(made, [first, *others]))
        except _Cancelled:
            return Outcome.CANCELLED
        except ValueError as exc:
            raise SegmentDamaged(f"{self._vault.url}: {self._task.segment.key}: {exc}; it was altered") from exc
        known = first.description
        results.store(
            self._vault,
            self._task.run,
            results.SegmentResult(
                segment=self._task.segment.key,
                station=known.station,
                archive_uuid=known.archive_uuid,
                seconds=time.monotonic() - began_s,
                items=done,
            ),
        )
        return Outcome.DONE

    def _items(self, made: Excerpt, segments: list[Segment]) -> Iterator[ItemResult]:
        station = segments[0].description.station
        with Items(made, self._task.run, self._task.code, self._process, station) as items:
            for archive_id in self._chosen(made, segments[0]):
                self._require_not_cancelled()
                yield self._one(made, items, archive_id, segments)

    def _chosen(self, made: Excerpt, first: Segment) -> Iterator[str]:
        """Yield the wanted entries whose source the segment has; none that was erased since."""
        held = blobs_of(first)
        sought = EntryFilter(converter_name=self._task.wanted.converter_name, newest_first=False)
        page = made.find(sought, limit=_PAGE)
        while page.items:
            for entry in page.items:
                is_wanted = self._task.wanted.covers(entry.converter_name, entry.created_at)
                if is_wanted and entry.source_archived_path in held and not made.is_erased(entry.archive_id):
                    yield entry.archive_id
            if not page.next:
                return
            page = made.find(sought, limit=_PAGE, after=page.next)

    def _one(self, made: Excerpt, items: Items, archive_id: str, segments: list[Segment]) -> ItemResult:
        """Replay one entry; an unexpected error affects only this entry."""
        try:
            for path in made.paths_of(archive_id):
                self._fetch(made, path, segments)
            return items.replay(archive_id)
        except (ConversionInterrupted, WorkersUnavailable):
            raise
        except StorageError as exc:
            return skipped(archive_id, str(exc).replace(str(made.root), "").lstrip("/\\"))
        except Exception as exc:
            if not is_of_one(exc):
                raise
            return skipped(archive_id, f"an unexpected error ({type(exc).__name__}: {exc})")

    def _fetch(self, made: Excerpt, path: str, segments: list[Segment]) -> None:
        for each in segments:
            if path in blobs_of(each):
                made.put(path, pieces_of(self._vault, each, path))
                return

    def _require_not_cancelled(self) -> None:
        if time.monotonic() - self._checked_s < _CHECK_S:
            return
        if plan.is_cancelled(self._vault, self._task.run):
            raise _Cancelled
        self._checked_s = time.monotonic()


def _rows_of(segment: Segment) -> Rows:
    known = segment.description
    return Rows(lines=segment.rows(), first=(known.first, known.previous_hash), last=(known.last, known.hash))


def _alone(rows: Sequence[str]) -> Rows:
    """Return rows that come without events."""
    return Rows(lines=[each.encode() for each in rows], first=(1, ""), last=(0, ""))
