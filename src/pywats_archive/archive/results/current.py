"""What an entry shows now, what the server has of it, and the report ids that its next conversion may continue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from operator import attrgetter

from pywats_archive.archive.core import Archive
from pywats_archive.archive.report_ids.pairing import paired
from pywats_archive.catalog import conversions, entries, reports, runs
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.operation.replay import RunState
from pywats_archive.models.pairing import Earlier, Keys, Link, New
from pywats_archive.models.report import IMPORTED, NEVER_SENT, ROLLED_BACK, Report, SubmissionState, id_key

_NO_KEYS = Keys(unit=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Current:
    """An entry with the conversion that it shows."""

    entry: ArchiveEntry
    conversion: Conversion | None
    reports: tuple[Report, ...]
    """The reports of that conversion."""
    past: tuple[Conversion, ...]
    """All conversions, oldest first; a rollback shows an earlier one again."""
    earlier: tuple[Earlier, ...]
    """The report ids that reports of the next conversion may continue, each with the test it stands for."""
    accepted: Mapping[str, Report]
    """By report id: the last report of any conversion that the server accepted; none if a later one may have been sent."""
    waiting: Set[str]
    """Report ids with a report that is still to be sent."""
    maybe_there: Mapping[str, Sequence[Report]] = field(default_factory=dict)
    """By report id: the reports that the server may have, where it is not known which (``maybe_there``)."""
    is_grown: bool = False
    """Whether the ids are those of other entries of the same file (``archive/results/appended.py``)."""


def current(archive: Archive, archive_id: str) -> Current:
    """Return what an entry shows; UnknownEntry if there is none."""
    with archive.read() as db:
        return current_of(db, archive_id)


def current_of(db: Connection, archive_id: str) -> Current:
    """Return what an entry shows, as a transaction sees it."""
    entry, past = entries.get(db, archive_id), conversions.of_entry(db, archive_id)
    every = reports.of_entry(db, archive_id)
    shown = _shown(entry, past)
    return Current(
        entry=entry,
        conversion=shown,
        reports=tuple(each for each in every if shown and each.conversion_id == shown.conversion_id),
        past=past,
        earlier=in_force(every, _steps(db, past, shown)),
        accepted=accepted(every),
        waiting=frozenset(each.report_id for each in every if each.submission_state is SubmissionState.WAITING),
        maybe_there=maybe_there(every),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A conversion as a step in the history of an entry's report ids."""

    conversion_id: int | None
    gave_new_ids: bool = False
    """Its run gave every report a new id, beside the earlier one's."""
    is_rolled_back: bool = False
    """It is no longer shown: its run was rolled back."""


def _steps(db: Connection, past: Sequence[Conversion], shown: Conversion | None) -> tuple[Step, ...]:
    return tuple(_step(db, each, shown) for each in past)


def _step(db: Connection, conversion: Conversion, shown: Conversion | None) -> Step:
    state, request = (None, {}) if conversion.run_id is None else runs.asked(db, conversion.run_id)
    is_later = shown is not None and conversion.attempt > shown.attempt
    return Step(
        conversion_id=conversion.conversion_id,
        gave_new_ids=bool(request.get("new_id")),
        is_rolled_back=is_later or state is RunState.ROLLED_BACK,
    )


def in_force(every: Sequence[Report], steps: Sequence[Step]) -> tuple[Earlier, ...]:
    """Return the ids that reports of the next conversion may continue, from all reports of an entry. Pure.

    An id left beside a newer one (``--new-id``) is not in force. If the run was not sent, or was rolled back, the newer id is
    not in force.
    """
    faces = {each.report_id: each for each in map(_earlier, _by_id(every).values())}
    live: dict[str, Earlier] = {}
    for step, reports_of_it in _in_order(every, steps):
        new = {each.report_id: faces[each.report_id] for each in reports_of_it if each.report_id not in live}
        if step.gave_new_ids and live and new:
            is_void = step.is_rolled_back or not any(each.is_sent for each in new.values())
            its = {each.report_id: faces[each.report_id] for each in reports_of_it}
            new = _beside(live, its, new, is_void=is_void)
        live |= new
    return tuple(live.values())


def _in_order(every: Sequence[Report], steps: Sequence[Step]) -> Iterator[tuple[Step, Sequence[Report]]]:
    """Stream the conversions with their reports, those rolled back last.

    Reports without a conversion that are from a crash or an import come first; those from a rebuild come in the order in
    which they were added. Each of their conversions begins with ordinal 1, and counts as one that gave new ids.
    """
    place = {each.archived_path: number for number, each in enumerate(every, 1)}
    by_step: dict[int | None, list[Report]] = {}
    for report in every:
        by_step.setdefault(report.conversion_id, []).append(report)
    groups: list[list[Report]] = []
    for report in by_step.get(None, ()):
        if report.ordinal == 1 or not groups:
            groups.append([])
        groups[-1].append(report)
    found = [(_unrecorded(each), each) for each in groups]
    found += [(step, by_step.get(step.conversion_id, [])) for step in steps]

    def order(of: tuple[Step, Sequence[Report]]) -> tuple[bool, int]:
        step, its = of
        is_first = not its or (step.conversion_id is None and its[0].last_error in (NEVER_SENT, IMPORTED))
        return step.is_rolled_back, 0 if is_first else place[its[0].archived_path]

    yield from sorted(found, key=order)


def _unrecorded(its: Sequence[Report]) -> Step:
    is_rolled_back = all(each.last_error == ROLLED_BACK for each in its)
    return Step(conversion_id=None, gave_new_ids=True, is_rolled_back=is_rolled_back)


def _beside(
    live: dict[str, Earlier], its: dict[str, Earlier], new: dict[str, Earlier], *, is_void: bool
) -> dict[str, Earlier]:
    """Remove the ids from ``live`` that ``new`` stand beside, and return those of ``new`` that are in force.

    If the run is void (``is_void``) these are the ones that stand beside none. ``its``: all ids of the conversion; one that
    it continued itself stands beside none.
    """
    numbered = dict(enumerate(its.values(), 1))
    as_new = [
        New(ordinal=ordinal, keys=each.keys, own_id=each.report_id if each.report_id in live else None)
        for ordinal, each in numbered.items()
    ]
    pairing = paired([replace(each, is_sent=True) for each in live.values()], as_new)
    if is_void:
        found = [numbered[pair.ordinal] for pair in pairing.pairs if pair.link is Link.NEW]
        return {each.report_id: each for each in found if each.report_id in new}
    for report_id in (*(pair.report_id for pair in pairing.pairs), *(each.report_id for each in pairing.undecided)):
        if report_id not in its:
            live.pop(report_id or "", None)
    return new


def _by_id(every: Sequence[Report]) -> dict[str, list[Report]]:
    by_id: dict[str, list[Report]] = {}
    for report in every:
        by_id.setdefault(report.report_id, []).append(report)
    return by_id


def _earlier(of_id: Sequence[Report]) -> Earlier:
    """Return the test that the server gets under an id, or else has, or else would have."""
    waiting = [each for each in of_id if each.submission_state is SubmissionState.WAITING]
    taken = list(accepted(of_id).values())
    face = (waiting or taken or of_id)[-1]
    if Keys.of(face) == _NO_KEYS:  # its document is damaged
        face = next((each for each in reversed(of_id) if Keys.of(each) != _NO_KEYS), face)
    return Earlier(report_id=face.report_id, keys=Keys.of(face), is_sent=any(each.may_be_sent for each in of_id))


def accepted(every: Sequence[Report]) -> dict[str, Report]:
    """Return by report id the last report that the server accepted; none if a later one may have been sent since.

    ``every``: in the order archived, at least among those of one id.
    """
    place = {each.archived_path: number for number, each in enumerate(every)}
    unknown = {id_key(each.report_id): place[each.archived_path] for each in every if each.is_sending_unknown}
    last = _last_accepted(every)
    return {name: each for name, each in last.items() if place[each.archived_path] >= unknown.get(id_key(name), 0)}


def maybe_there(every: Sequence[Report]) -> dict[str, tuple[Report, ...]]:
    """Return by report id the reports that the server may have: the last one that it accepted, and those that may be later.

    An id is left out if the last one accepted is certainly what the server has. ``every``: as for ``accepted``.
    """
    last, found = _last_accepted(every), dict[str, tuple[Report, ...]]()
    for each in every:
        if each is last.get(each.report_id):
            found[each.report_id] = (each,)
        elif each.may_be_there:
            found[each.report_id] = (*found.get(each.report_id, ()), each)
    return {name: its for name, its in found.items() if any(each.may_be_there for each in its)}


def _last_accepted(every: Sequence[Report]) -> dict[str, Report]:
    taken = [each for each in every if each.submission_state is SubmissionState.ACCEPTED and each.accepted_at]
    return {each.report_id: each for each in sorted(taken, key=attrgetter("accepted_at"))}


def _shown(entry: ArchiveEntry, past: Sequence[Conversion]) -> Conversion | None:
    """Return the latest conversion at the moment that the entry names."""
    same = [each for each in past if each.started_at == entry.conversion_timestamp]
    return same[-1] if same else None
