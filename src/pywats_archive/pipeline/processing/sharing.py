"""Converters that share a watch folder: one converter at a time has a source, and passes it on if it does not convert it.

- The order is by priority, then by confidence (``validate``), then as in the configuration.
- A source that is skipped, rejected or fails stays in the folder for the next converter; the last one finishes it.
- A converter finishes a source that it has begun, even if another file takes its place.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from pywats_archive.archive.sources import reading
from pywats_archive.errors import ArchiveError, StorageError
from pywats_archive.host.settings.neighbours import real
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.postprocess.decisions import Destination, Ending

_NOT_ACCEPTED = (ArrivalState.SKIPPED, ArrivalState.REJECTED)
_FAILED, _PASSED_TO = "failed here: ", "; left to '"


def share(lanes: Sequence[Lane]) -> None:
    """Set ``sharers`` of each lane: the lanes with the same watch folder and kind of source, in order of priority."""
    accepting = [lane for lane in lanes if lane.accepts_new]
    where = {lane: (str(real(lane.config.watch_folder)), lane.config.converter_type) for lane in accepting}
    for _, group in groupby(sorted(accepting, key=where.__getitem__), key=where.__getitem__):
        sharers = tuple(group)  # sorted keeps the order of equals
        for lane in sharers if len(sharers) > 1 else ():
            lane.sharers = sharers


def passed_on(ending: Ending, *, heir: str | None, failed_before: str | None) -> Ending:
    """Decide how a source ends for one converter of a shared folder.

    ``heir``: the next converter, if any; ``failed_before``: why an earlier one failed.
    """
    is_failed, is_not_accepted = ending.state is ArrivalState.FAILED, ending.state in _NOT_ACCEPTED
    if heir and (is_failed or is_not_accepted):
        state = ArrivalState.SKIPPED if is_failed else ending.state
        reason = f"{_FAILED if is_failed else ''}{ending.reason or ending.state.value}{_PASSED_TO}{heir}'"
        return Ending(state=state, destination=Destination.KEPT, reason=reason)
    if is_not_accepted and failed_before:
        reason = f"{failed_before}; {ending.reason or ending.state.value}"
        return Ending(state=ArrivalState.FAILED, destination=Destination.ERROR, reason=reason)
    return ending


def has_passed_on(known: Arrival | None, now: FileStamp) -> bool:
    """Whether a converter passed on the source that is there now, by the latest arrival in its ledger."""
    return known is not None and known.state in _NOT_ACCEPTED and known.moved_to is None and now.matches(known)


def surest(own: float, rivals: Mapping[str, float]) -> str | None:
    """Return the rival with the highest confidence, if higher than ``own``; the first one among equals."""
    name = max(rivals, key=rivals.__getitem__, default=None)
    return name if name is not None and rivals[name] > own else None


def end(ending: Ending, lane: Lane, arrival: Arrival) -> Ending:
    """Return how a source ends for ``lane``, which may share its watch folder."""
    if not lane.sharers:
        return ending
    heir = None if arrival.moved_to or not os.path.lexists(arrival.path) else _heir(lane, arrival)
    before = (_latest(each, arrival.path) for each in _before(lane))
    failures = (a.reason or "" for a in before if a and has_passed_on(a, arrival.stamp))
    return passed_on(
        ending,
        heir=heir.name if heir else None,
        failed_before=next((r for r in failures if r.startswith(_FAILED)), None),
    )


def is_abandoned(lane: Lane, known: Arrival) -> bool:
    """Whether a lane passed on a source, and no later converter's patterns match it any longer."""
    is_passed_on = known.state in _NOT_ACCEPTED and known.moved_to is None and _PASSED_TO in (known.reason or "")
    return is_passed_on and not any(each.listing.matches(_at(each, known.path)) for each in _after(lane))


def rivals(lane: Lane, path: str) -> tuple[Lane, ...]:
    """Return the later converters of the same folder and priority whose patterns match a source."""
    later = (each for each in _after(lane) if each.config.priority == lane.config.priority)
    return tuple(each for each in later if not each.converter.error and each.listing.matches(_at(each, path)))


def drop_others(lane: Lane, listing: dict[str, FileStamp]) -> None:
    """Remove from a listing the sources that an earlier converter has not passed on, unless this lane has begun them."""
    first = [(each, each.listing.matcher()) for each in _before(lane)]
    for path, now in tuple(listing.items()) if first else ():
        own = lane.scan.known.get(path)
        if own and _has_claimed(lane, own, now):
            continue
        owner = next(
            (each for each, matches in first if matches(path) and not _has_passed_on_now(each, path, now)), None
        )
        if owner:
            del listing[path]
            _release(lane, own, owner)


def free_of_others(lane: Lane, new: Sequence[str], listing: Mapping[str, FileStamp]) -> list[str]:
    """Return the new paths whose source no later converter has begun or finished."""
    free = list(new)
    for each in (each for each in _after(lane) if each.away is None and free):
        theirs = each.ledger.latest_at([_at(each, path) for path in free])
        free = [path for path in free if not _is_theirs(each, theirs.get(_at(each, path)), path, listing[path])]
    return free


def wake_later(lane: Lane) -> None:
    """Let the later converters scan again, since this lane's ledger has changed."""
    for each in _after(lane):
        each.scan.needs_scan = True


def note_departure(lane: Lane, arrival: Arrival, moved_to: str | None) -> None:
    """Record for the earlier converters where a source went that they passed on: if it comes back, it is new."""
    for each in _before(lane) if moved_to else ():
        with suppress(ArchiveError):
            known = _latest(each, arrival.path)
            if known and has_passed_on(known, known.stamp):
                each.ledger.change(known, known.state, reason=known.reason, moved_to=moved_to)
                each.scan.stale.append(known.path)


def _before(lane: Lane) -> tuple[Lane, ...]:
    return lane.sharers[: lane.sharers.index(lane)] if lane.sharers else ()


def _after(lane: Lane) -> tuple[Lane, ...]:
    return lane.sharers[lane.sharers.index(lane) + 1 :] if lane.sharers else ()


def _heir(lane: Lane, arrival: Arrival) -> Lane | None:
    """Return the next converter that matches the source and has not passed it on."""
    matching = (each for each in _after(lane) if each.listing.matches(_at(each, arrival.path)))
    return next((e for e in matching if not has_passed_on(_latest(e, arrival.path), arrival.stamp)), None)


def _at(lane: Lane, path: str) -> str:
    """Return a lane's own path of a source: each lane may name the folder in another way."""
    return os.path.join(lane.config.watch_folder, os.path.basename(path))  # noqa: PTH118, PTH119 (strings, as in a listing)


def _latest(lane: Lane, path: str) -> Arrival | None:
    path = _at(lane, path)
    return None if lane.away else lane.ledger.latest_at([path]).get(path)


def _has_passed_on_now(lane: Lane, path: str, now: FileStamp) -> bool:
    return has_passed_on(lane.scan.known.get(_at(lane, path)), now)


def _has_claimed(lane: Lane, own: Arrival, now: FileStamp) -> bool:
    """Whether a lane has begun the source that is there now."""
    if own.state is ArrivalState.SEEN:
        return own.arrival_id in lane.scan.active or own.arrival_id in lane.scan.active_before
    return not own.state.is_final and lane.accounts_for(own, now)


def _is_theirs(lane: Lane, theirs: Arrival | None, path: str, listed: FileStamp) -> bool:
    """Whether another converter has begun or finished the source, by the listing or, since it may be outdated, the file."""
    if theirs is None or theirs.state in _NOT_ACCEPTED:
        return False
    if lane.accounts_for(theirs, listed):
        return True
    try:
        return lane.accounts_for(theirs, reading.stamp_of(Path(path)))
    except (OSError, StorageError):
        return True


def _release(lane: Lane, own: Arrival | None, owner: Lane) -> None:
    """Release a source that a lane has only seen to the lane that comes first."""
    if own and own.state is ArrivalState.SEEN:
        reason, where = "another converter of this folder comes first", f"left to '{owner.name}'"
        lane.ledger.change(own, ArrivalState.SKIPPED, reason=reason, moved_to=where)
        lane.scan.known.pop(own.path, None)
        owner.scan.needs_scan = True
