"""What an entry shows now, what the server has of it, and the ids that its next reports get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from operator import attrgetter

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import conversions, entries, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.report import Report, SubmissionState


@dataclass(frozen=True, kw_only=True, slots=True)
class Current:
    """An entry with the conversion that it shows."""

    entry: ArchiveEntry
    conversion: Conversion | None
    reports: tuple[Report, ...]
    """Of that conversion."""
    past: tuple[Conversion, ...]
    """All conversions, oldest first; a rollback shows an earlier one again."""
    ids: Mapping[int, str]
    """By ordinal: the id that a report of the next conversion gets."""
    accepted: Mapping[str, Report]
    """By report id: what the server accepted last under it, of whatever conversion."""
    waiting: Set[str]
    """Report ids under which something is still to be sent."""


def current(archive: Archive, archive_id: str) -> Current:
    """Give what an entry shows; UnknownEntry when there is none."""
    with archive.read() as db:
        return current_of(db, archive_id)


def current_of(db: Connection, archive_id: str) -> Current:
    """Give what an entry shows, as a transaction sees it."""
    entry, past = entries.get(db, archive_id), conversions.of_entry(db, archive_id)
    every = reports.of_entry(db, archive_id)
    shown = _shown(entry, past)
    return Current(
        entry=entry,
        conversion=shown,
        reports=tuple(each for each in every if shown and each.conversion_id == shown.conversion_id),
        past=past,
        ids=_ids(every, shown),
        accepted=_accepted(every),
        waiting=frozenset(each.report_id for each in every if each.submission_state is SubmissionState.WAITING),
    )


def next_ids(archive: Archive, archive_id: str, before: Sequence[Report]) -> Mapping[int, str]:
    """Give by ordinal the ids that an entry's next reports get; ``before`` are all it has."""
    if len({each.conversion_id for each in before}) < 2:
        return _ids(before, None)
    return current(archive, archive_id).ids


def _ids(every: Sequence[Report], shown: Conversion | None) -> dict[int, str]:
    """Those of the conversion that is shown; otherwise those that the server knows, before those that were given last."""
    number = shown.conversion_id if shown else None
    of_shown = {each.ordinal: each.report_id for each in every if number and each.conversion_id == number}
    known = {each.ordinal: each.report_id for each in _accepted(every).values()}
    return {each.ordinal: each.report_id for each in every} | known | of_shown


def _accepted(every: Sequence[Report]) -> dict[str, Report]:
    """By report id: what the server accepted last under it."""
    taken = [each for each in every if each.submission_state is SubmissionState.ACCEPTED and each.accepted_at]
    return {each.report_id: each for each in sorted(taken, key=attrgetter("accepted_at"))}


def _shown(entry: ArchiveEntry, past: Sequence[Conversion]) -> Conversion | None:
    """The latest conversion of the moment that the entry names."""
    same = [each for each in past if each.started_at == entry.conversion_timestamp]
    return same[-1] if same else None
