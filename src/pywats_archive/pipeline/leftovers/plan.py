"""What becomes of an earlier configuration's work: decided from values alone, each answer with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pywats_archive.models.arrival import Arrival, ArrivalState


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What one archive has, under one converter name, of the sources of a lane."""

    root: Path
    name: str
    is_named: bool
    """Whether the configuration still names this archive, for whichever converter."""
    unfinished: tuple[Arrival, ...] = ()
    finished: tuple[Arrival, ...] = ()
    """Finished sources that still lie in the watch folder unchanged, as with KEEP."""
    set_aside: frozenset[int] = frozenset()
    """Ids of the arrivals whose source lies in Pending."""
    has_parked: bool = False
    """Whether converted sources wait in Done to be archived."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneFacts:
    """What the plan needs to know of the lane."""

    name: str
    root: Path | None
    watches: bool
    is_alone: bool
    """Whether no other converter watches its folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """Sources that an archive had only seen, and gives up: the lane takes them as its own configuration says."""

    arrivals: tuple[Arrival, ...]
    reason: str
    where: str
    """What the ledger records for their place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftoverPlan:
    """What to do about one survey."""

    release: Release | None = None
    ignored: tuple[Arrival, ...] = ()
    """Sources that the lane does not process while they lie there unchanged: they would be sent under a second id."""
    in_hand: int = 0
    """How many sources a draining lane has to finish."""
    drain: bool = False
    reason: str = ""
    """Why there is a draining lane, or none."""


def leftover_plan(survey: Survey, lane: LaneFacts) -> LeftoverPlan:
    """Decide what becomes of what ``survey`` found, in the watch folder of ``lane``."""
    seen = tuple(a for a in survey.unfinished if a.state is ArrivalState.SEEN)
    in_hand = tuple(a for a in survey.unfinished if a.state is not ArrivalState.SEEN)
    lying = tuple(a for a in in_hand if a.arrival_id not in survey.set_aside)
    must_backfill = survey.has_parked and survey.is_named and (lane.root is None or survey.name != lane.name)
    is_heir = survey.name == lane.name or lane.is_alone
    if not (in_hand or must_backfill):
        drain, reason = False, "nothing is unfinished"
    elif not is_heir:
        drain, reason = False, "several converters watch the folder: which one continues is ambiguous"
    else:
        drain, reason = True, "unfinished sources" if in_hand else "sources that were converted are not archived yet"
    return LeftoverPlan(
        release=release(seen, has_its_name=survey.name == lane.name) if seen and lane.watches else None,
        ignored=(*survey.finished, *lying),
        in_hand=len(in_hand),
        drain=drain,
        reason=reason,
    )


def release(arrivals: tuple[Arrival, ...], *, has_its_name: bool) -> Release:
    """Return how sources that were only seen are given up; ``has_its_name``: their converter is called as before."""
    if has_its_name:
        reason, where = "the configuration names this archive no more for the converter", "without this archive"
    else:
        reason, where = "no converter of this name watches its folder any more", "under another name"
    return Release(arrivals=arrivals, reason=reason, where=where)
