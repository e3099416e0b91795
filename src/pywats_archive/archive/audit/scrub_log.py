"""The record of the scrub: what is due, what was found, and one event a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import checks, events
from pywats_archive.catalog.checks import LastCheck, ScrubProgress
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.event import Event
from pywats_archive.models.operation.integrity import Finding, Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryCheck:
    """The result of reading back one entry's blobs."""

    archive_id: str
    paths: tuple[str, ...]
    read_bytes: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingChanges:
    """What changed since the last check."""

    found: tuple[Problem, ...] = ()
    cleared: tuple[str, ...] = ()
    """Paths of blobs that are sound again, or were removed on record."""


def due(archive: Archive, *, read_before: datetime, limit: int) -> tuple[str, ...]:
    """Return the entries to be read back next, if they were last read before ``read_before``.

    This includes entries that were read, or arrived, while the clock was ahead: a time later than now says nothing.
    """
    now = archive.now()
    with archive.read() as db:
        oldest = _next(db, checks.tally(db, now=now), limit)
    return tuple(last.archive_id for last in takewhile(lambda last: not read_before < last.at <= now, oldest))


def oldest(archive: Archive) -> LastCheck | None:
    """Return the entry that has waited longest to be read back; None for an empty archive."""
    with archive.read() as db:
        return next(iter(_next(db, checks.tally(db, now=archive.now()), 1)), None)


def record(archive: Archive, readings: Sequence[EntryCheck]) -> FindingChanges:
    """Record what was read back, in the order of ids, with what was found; durable once this returns."""
    return archive.write(lambda tx: _record(tx, archive, readings))


def record_cleared(archive: Archive, finding: Finding) -> FindingChanges:
    """Record that a blob is sound again, or was removed on record."""
    path, archive_id = finding.problem.path, finding.problem.archive_id
    return archive.write(lambda tx: _judge(tx, {path: None}, archive_id=archive_id, now=archive.now()))


def findings(archive: Archive) -> tuple[Finding, ...]:
    """Return the open findings, oldest first."""
    with archive.read() as db:
        return checks.findings(db)


def _record(tx: Connection, archive: Archive, readings: Sequence[EntryCheck]) -> FindingChanges:
    now, found, cleared = archive.now(), list[Problem](), list[str]()
    for reading in readings:
        checks.set_verified(tx, reading.archive_id, reading.paths, now)
        by_path: dict[str, Problem | None] = dict.fromkeys(reading.paths)
        by_path |= {problem.path: problem for problem in reading.problems}
        news = _judge(tx, by_path, archive_id=reading.archive_id, now=now)
        found += news.found
        cleared += news.cleared
    _count(tx, readings, now)
    return FindingChanges(found=tuple(found), cleared=tuple(cleared))


def _judge(
    tx: Connection, by_path: dict[str, Problem | None], *, archive_id: str | None, now: datetime
) -> FindingChanges:
    """Store, update or clear the finding about each blob, with an event for each change."""
    found = [problem for problem in by_path.values() if problem and checks.add_finding(tx, problem, now)]
    cleared = [path for path, problem in by_path.items() if problem is None and checks.clear_finding(tx, path)]
    for problem in found:
        details = {"path": problem.path, "problem": problem.kind.value, "message": problem.message}
        events.append(tx, Event(kind="integrity.found", at=now, archive_id=problem.archive_id, details=details))
    for path in cleared:
        events.append(tx, Event(kind="integrity.cleared", at=now, archive_id=archive_id, details={"path": path}))
    return FindingChanges(found=tuple(found), cleared=tuple(cleared))


def _count(tx: Connection, readings: Sequence[EntryCheck], now: datetime) -> None:
    """Add to the progress; it goes into an event once a day, and at the end of each round through the archive."""
    before = checks.tally(tx, now=now)
    after_last = checks.following(tx, readings[-1].archive_id + "~", 1)
    tally = replace(
        before,
        blobs=before.blobs + sum(len(reading.paths) for reading in readings),
        read_bytes=before.read_bytes + sum(reading.read_bytes for reading in readings),
        problems=before.problems + sum(len(reading.problems) for reading in readings),
        next_id=_first_id(after_last or checks.following(tx, "", 1)),
    )
    if not after_last or before.since.date() != now.date():
        details = {"since": before.since.isoformat(), "blobs": tally.blobs, "read_bytes": tally.read_bytes}
        details |= {"problems": tally.problems, "up_to": readings[-1].archive_id}
        events.append(tx, Event(kind="integrity.checked", at=now, details=details))
        tally = ScrubProgress(next_id=tally.next_id, since=now)
    checks.set_tally(tx, tally)


def _next(db: Connection, tally: ScrubProgress, limit: int) -> tuple[LastCheck, ...]:
    return checks.following(db, tally.next_id, limit) or checks.following(db, "", limit)


def _first_id(following: Sequence[LastCheck]) -> str:
    return following[0].archive_id if following else ""
