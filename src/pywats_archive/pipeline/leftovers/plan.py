"""What to do with the unfinished work of an earlier configuration: decided from values alone, with reasons."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pywats_archive.models.arrival import Arrival, ArrivalState


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """The sources of a lane's folder in one archive, under one converter name."""

    root: Path
    name: str
    is_named: bool
    """Whether the configuration still lists this archive, for any converter."""
    unfinished: tuple[Arrival, ...] = ()
    finished: tuple[Arrival, ...] = ()
    """Finished sources that are still in the watch folder, unchanged, as with KEEP."""
    set_aside: frozenset[int] = frozenset()
    """Ids of the arrivals whose source is in Pending."""
    has_parked: bool = False
    """Whether converted sources are parked in Done, to be archived."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneFacts:
    """The facts about a lane that the plan depends on."""

    name: str
    root: Path | None
    watches: bool
    is_alone: bool
    """Whether no other converter watches its folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """Seen sources that an earlier archive releases, so that the lane processes them by its own configuration."""

    arrivals: tuple[Arrival, ...]
    reason: str
    where: str
    """The word that the ledger records as their place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftoverPlan:
    """What to do with the work in one survey."""

    release: Release | None = None
    ignored: tuple[Arrival, ...] = ()
    """Sources that the lane does not process while they stay unchanged: they would be sent under a second id."""
    in_hand: int = 0
    """The number of sources that a draining lane has to complete."""
    drain: bool = False
    reason: str = ""
    """Why a draining lane is needed, or not."""


def leftover_plan(survey: Survey, lane: LaneFacts) -> LeftoverPlan:
    """Decide what to do with the work in ``survey``, in the watch folder of ``lane``."""
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
    """Return the release of seen sources; ``has_its_name``: their converter still has its name."""
    if has_its_name:
        reason, where = "the configuration no longer lists this archive for the converter", "without this archive"
    else:
        reason, where = "no converter of this name watches its folder any longer", "under another name"
    return Release(arrivals=arrivals, reason=reason, where=where)
