"""Bringing a source into its archive, or back from Pending, before it is converted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from pywats_archive.archive.sources import companions, reading
from pywats_archive.errors import (
    ArchiveError,
    CatalogError,
    SourceChanged,
    SourceVanished,
    StorageError,
)
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.pipeline.alerting.archive_failures import ArchiveFailures
from pywats_archive.pipeline.folders.identity import is_as_known, was_replaced
from pywats_archive.pipeline.folders.scan import FolderScan
from pywats_archive.pipeline.lanes.lane import Attachment, Lane
from pywats_archive.pipeline.lanes.ledgers import Ledger
from pywats_archive.pipeline.postprocess import actions
from pywats_archive.pipeline.postprocess.departing import source_of
from pywats_archive.pipeline.waiting.unready import wait_for_writer
from pywats_archive.portable.placing import free_names

log = structlog.get_logger()


class NotArchived(Exception):
    """The archive could not store a source that was only seen; ``cause`` says why."""

    def __init__(self, cause: ArchiveError) -> None:
        self.cause = cause


@dataclass(frozen=True, kw_only=True, slots=True)
class Archived:
    """A source that was archived with others: its arrival as the ledger has it then, and its entry."""

    arrival: Arrival
    entry: ArchiveEntry


class Intake:
    """Archives sources; safe to use from many threads, one source by one thread at a time."""

    def __init__(self, failures: ArchiveFailures) -> None:
        self._failures = failures

    def archive(self, lane: Lane, at: Attachment, arrival: Arrival, busy: bool) -> tuple[Arrival, ArchiveEntry]:
        """Archive a source that is not archived yet; returns its arrival as the ledger has it then, and its entry.

        NotArchived when the archive cannot store it; SourceVanished or SourceChanged when it is not the source that was seen.
        """
        entry = at.archive.entry(arrival.archive_id) if arrival.archive_id else None
        is_recovered = entry is not None and arrival.state is ArrivalState.ARCHIVED
        if entry and not (is_recovered and is_still(lane, entry, arrival)):
            lane.ledger.change(arrival, ArrivalState.CONVERTING, moved_to=arrival.moved_to)
            return now_known(lane.ledger, arrival), entry
        if entry is None and lane.mount and (trouble := lane.mount.disk.trouble()):
            raise NotArchived(trouble)
        try:
            if entry is None:
                arrival, entry = _archive_seen(lane.scan, at, arrival, busy)
            else:  # a crash may have come before its companions were archived
                entry = at.interceptor.pre_convert(Path(arrival.path), arrival_id=arrival.arrival_id, busy=busy)
                arrival = now_known(lane.ledger, arrival)
        except (SourceVanished, SourceChanged):
            raise
        except (StorageError, CatalogError) as exc:
            raise NotArchived(exc) from exc
        except OSError as exc:
            raise NotArchived(StorageError(f"{arrival.path}: cannot be archived ({exc.strerror or exc})")) from exc
        self._failures.resolve(lane.name, arrival.number)
        return arrival, entry

    def archive_several(self, lane: Lane, arrivals: Sequence[Arrival]) -> dict[int, Archived]:
        """Archive sources that were only seen together; returns those that are archived now, by their number in the ledger.

        Any other is as it was, and is archived alone; so is each one while the archive has trouble.
        """
        at = lane.attachment
        if at is None or lane.is_paused or lane.archive_trouble():
            return {}
        looks: dict[int, reading.Look] = {}
        closed = [arrival for arrival in arrivals if _is_ready(lane, arrival, looks)]
        sources = [
            at.interceptor.new_source(
                arrival.path,
                arrival_id=arrival.arrival_id,
                busy=True,
                look=looks[arrival.number],
                is_repeated=arrival.path in lane.scan.repeated,
            )
            for arrival in closed
        ]
        archived: dict[int, Archived] = {}
        for arrival, entry in zip(closed, at.interceptor.pre_convert_several(sources), strict=True):
            if isinstance(entry, ArchiveEntry):
                known = _archived(lane.scan, arrival, entry, looks[arrival.number][1], ArrivalState.ARCHIVED)
                archived[arrival.number] = Archived(arrival=known, entry=entry)
                self._failures.resolve(lane.name, arrival.number)
        return archived


def bring_back(lane: Lane, arrival: Arrival) -> Arrival:
    """Bring a source back from Pending; it stays there while another source has its name.

    It also stays there if another converter has its watch folder now, which would process it as new. The ledger is changed
    before the source moves: a scan in between must not see a new source.
    """
    if arrival.state is not ArrivalState.SUSPENDED and not arrival.moved_to:
        return arrival
    path, pending = Path(arrival.path), _in_pending(lane.config.pending_folder, arrival)
    if pending is None:
        return replace(arrival, moved_to=None)
    lane.ledger.change(arrival, ArrivalState.CONVERTING, moved_to=str(pending))
    is_back = path.parent == Path(lane.config.watch_folder) and actions.bring_back(pending, path)
    return replace(arrival, moved_to=None if is_back else str(pending))


def set_aside(lane: Lane, arrival: Arrival) -> None:
    """Move a suspended source to Pending."""
    moved_to = arrival.moved_to
    if moved_to is None:  # if it is gone, or another source has its name, only the archive has it
        pending = actions.set_aside(source_of(lane.config, arrival), Path(lane.config.pending_folder))
        moved_to = str(pending) if pending else None
    lane.ledger.change(arrival, ArrivalState.SUSPENDED, reason=arrival.reason, moved_to=moved_to)


def now_known(ledger: Ledger, arrival: Arrival) -> Arrival:
    """Return an arrival as the ledger has it now."""
    return ledger.get(arrival.number) or arrival


def is_still(lane: Lane, entry: ArchiveEntry, arrival: Arrival) -> bool:
    """Whether the archived source is still at its path, unchanged; an inode counts only where the file system keeps it."""
    path = Path(arrival.path)
    try:
        now = reading.stamp_of(path)
    except SourceVanished:
        return False
    is_as_archived = now.matches(entry.source_stamp)
    return path.is_dir() or (is_as_archived and is_as_known(arrival, now, by_inode=lane.keeps_inodes))


def has_changed(entry: ArchiveEntry, arrival: Arrival) -> bool:
    """Return whether a folder or a companion changed since it was archived: while a source waits, it may be overwritten."""
    path = Path(arrival.path)
    try:
        now = reading.stamp_of(path)
        if entry.source_kind is SourceKind.FOLDER and not now.matches(arrival):
            return True
        beside = ((each, path.parent / each.name) for each in entry.companions)
        return not all(companions.is_same(file, each) for each, file in beside)
    except (OSError, ArchiveError):
        return True


def _archive_seen(scan: FolderScan, at: Attachment, arrival: Arrival, busy: bool) -> tuple[Arrival, ArchiveEntry]:
    """Archive a source that was only seen, in its current state."""
    _, now = look = reading.examine(Path(arrival.path))
    if was_replaced(arrival, now):
        raise SourceChanged(f"{arrival.path}: was replaced by another source")  # the next scan records that it vanished
    entry = at.interceptor.pre_convert(
        Path(arrival.path),
        arrival_id=arrival.arrival_id,
        busy=busy,
        look=look,
        is_repeated=arrival.path in scan.repeated,
    )
    return _archived(scan, arrival, entry, now, ArrivalState.CONVERTING), entry


def _is_ready(lane: Lane, arrival: Arrival, looks: dict[int, reading.Look]) -> bool:
    """Whether the source that was seen is still there, and no program has it open for writing; put its look into ``looks``."""
    try:
        if wait_for_writer(lane, arrival):
            return False
        looks[arrival.number] = look = reading.examine(Path(arrival.path))
    except (OSError, ArchiveError):
        return False
    return not was_replaced(arrival, look[1])


def _archived(scan: FolderScan, arrival: Arrival, entry: ArchiveEntry, now: FileStamp, state: ArrivalState) -> Arrival:
    """Return an arrival as the ledger has it once it is archived, and note it for the next scan."""
    scan.repeated.discard(arrival.path)
    known = replace(
        arrival,
        state=state,
        archive_id=entry.archive_id,
        size_bytes=now.size_bytes,
        mtime_ns=now.mtime_ns,
        inode=now.inode,
        ctime_ns=now.ctime_ns,
    )
    scan.archived.append(known)
    return known


def _in_pending(folder: str, arrival: Arrival) -> Path | None:
    """Return where a suspended source is in Pending; a crash may have come before its name there was recorded."""
    if arrival.moved_to:
        return Path(arrival.moved_to) if os.path.lexists(arrival.moved_to) else None
    for name in free_names(Path(arrival.path).name):
        pending = Path(folder, name)
        if not os.path.lexists(pending):
            return None
        now = reading.stamp_of(pending)
        if pending.is_dir() or now.matches(arrival):
            return pending
    raise AssertionError("unreachable: names never run out")
