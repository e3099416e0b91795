"""Whether a run has anything left to do, and what blocks the unfinished work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import submissions
from pywats_archive.conversion.sending.outbox import OutboxState
from pywats_archive.errors import StorageError
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.lanes.key import Key
from pywats_archive.pipeline.lanes.lane import Lane


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOutcome:
    """What a run could not finish, and how its other sources ended."""

    waiting: tuple[str, ...] = ()
    """One line for each blocked source or report: its name and the reason."""
    ended: dict[str, int] = field(default_factory=dict)
    """Sources by the state in which they ended, such as ``done``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The state of a run at one moment."""

    open_sources: AbstractSet[Key]
    """Sources that were seen, or are suspended, and may be processed."""
    blocked: dict[Key, str]
    """Sources that need a person's action, each with the reason."""
    waiting_reports: int
    """Reports in the archives that wait for the server. Count them before reading ``outbox``: one that is sent in between is
    counted twice then, and never missed."""
    outbox: OutboxState
    busy_count: int
    needs_scan: bool
    """Whether a watch folder may differ from its last scan."""


def is_moving(now: Snapshot) -> bool:
    """Whether the run can still make progress without a person's action."""
    outbox = now.outbox
    is_stuck = bool(outbox.stopped_by) or now.waiting_reports <= len(outbox.unsendable)
    waits_in_memory = outbox.queued if not outbox.stopped_by else 0
    is_sending = bool(outbox.in_flight or waits_in_memory or (now.waiting_reports and not is_stuck))
    return bool(now.busy_count) or is_sending or now.needs_scan or not now.open_sources <= now.blocked.keys()


def report_blockers(now: Snapshot) -> tuple[str, ...]:
    """Return why reports wait, if any do."""
    waiting = now.waiting_reports + now.outbox.only_in_memory
    why = now.outbox.stopped_by or "; ".join(each.reason for each in now.outbox.unsendable)
    return (f"{waiting} report(s) wait: {why}",) if waiting else ()


def open_sources(lanes: Sequence[Lane]) -> set[Key]:
    """Return the sources that wait in a watch folder, or in Pending, and may be processed."""
    scanned = (lane for lane in lanes if not (lane.is_blocked or lane.is_folder_away))
    found = {Key(lane.key, number) for lane in scanned for number in lane.scan.unstable}
    running = (lane for lane in lanes if not (lane.converter.error or lane.is_taken))
    return found | {lane.key_of(arrival) for lane in running for arrival in lane.ledger.suspended()}


def waiting_reports(archives: Iterable[Archive]) -> int:
    """Count the reports that wait for the server."""
    return sum(submissions.waiting_reports(archive) for archive in archives)


def needs_scan(lanes: Iterable[Lane]) -> bool:
    """Whether an available watch folder may differ from its last scan."""
    return any(lane.accepts_new and lane.scan.needs_scan for lane in lanes if not lane.is_folder_away)


def lane_blockers(lanes: Iterable[Lane], spool: Spool) -> Iterator[str]:
    """Yield a line for each lane that waits for a disk, an archive, a folder or a converter."""
    for lane in lanes:
        if lane.is_folder_away and (folder := lane.folder_trouble()):
            yield f"{lane.name}: {folder}"
        number = len(lane.scan.unstable) if lane.is_blocked else 0
        with suppress(StorageError):
            number += sum(1 for _ in spool.parked(lane.config)) if lane.watches else 0
        if lane.converter.error:
            yield f"{lane.name}: {len(lane.scan.unstable)} source(s) wait to be converted: {lane.converter.error}"
        trouble = lane.archive_trouble()
        if trouble and (number or lane.away):
            yield f"{lane.name}: {number} source(s) wait to be archived: {trouble}"


def fault_blockers(lanes: Iterable[Lane]) -> Iterator[str]:
    """Yield a line for each path that is ignored because of a fault in the log."""
    return (f"{path}: ignored, see the log" for lane in lanes for path in lane.scan.reported)
