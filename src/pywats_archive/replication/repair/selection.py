"""Selects the object to read each segment with repairs from, by the vault alone.

A segment names the SHA-256 of the one before it. So the next segment shows whether a segment is the one that was stored, and
whether a repair takes the place of that one: whoever may only add objects cannot hide an intact segment by a false repair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from pywats_archive.errors import KeyMissing, SegmentDamaged
from pywats_archive.replication.repair.lookup import Repair, is_as_stored, read_whole, repaired_segments, repairs_of
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.vault.store import Vault


@dataclass(frozen=True, kw_only=True, slots=True)
class Selected:
    """The object that a segment is read from."""

    key: str
    """Of the segment itself, or of a repair."""
    description: SegmentDescription
    others: tuple[str, ...]
    """The keys of the other objects that may have parts of it, best first."""


def select(
    vault: Vault, archive_uuid: str, chain: str, found: Mapping[str, SegmentDescription]
) -> Mapping[str, Selected]:
    """Return the object to read each segment with repairs from, by the segment's key.

    ``found`` are the segments whose description can be read.
    """
    selected = dict[str, Selected]()
    for segment in reversed(repaired_segments(vault, archive_uuid, chain)):
        known = {each.first: each for key, each in found.items() if key not in selected}
        known |= {each.description.first: each.description for each in selected.values()}
        if best := _selected(vault, segment, found.get(segment), known):
            selected[segment] = best
    return selected


def _selected(
    vault: Vault, segment: str, own: SegmentDescription | None, known: Mapping[int, SegmentDescription]
) -> Selected | None:
    repairs = list(repairs_of(vault, segment))
    vouched = [
        each for each in repairs if _named(each.description, known) == each.description.repairs_sha256 is not None
    ]
    unknown = [each for each in repairs if _named(each.description, known) is None and _fits(each.description, known)]
    if own and is_as_stored(
        vault, segment, _named(own, known) or _first(each.description.repairs_sha256 for each in vouched)
    ):
        return Selected(key=segment, description=own, others=_keys((*vouched, *unknown)))
    ordered = [*vouched, *unknown]
    for each in ordered:
        with suppress(SegmentDamaged, KeyMissing):
            read_whole(vault, each.stored.key)
            others = _keys(other for other in ordered if other is not each)
            return Selected(key=each.stored.key, description=each.description, others=(*others, segment))
    return None


def _named(description: SegmentDescription, known: Mapping[int, SegmentDescription]) -> str | None:
    """Return the SHA-256 that the segment after one names; None if there is none that follows it."""
    after = known.get(description.last + 1)
    return after.previous_segment if after and after.previous_hash == description.hash else None


def _fits(description: SegmentDescription, known: Mapping[int, SegmentDescription]) -> bool:
    """Whether the next known segment begins after a repair, and follows from it if nothing is between them."""
    after = min((first for first in known if first > description.first), default=None)
    if after is None or after > description.last + 1:
        return True
    return after == description.last + 1 and known[after].previous_hash == description.hash


def _first(found: Iterable[str | None]) -> str | None:
    return next(iter(found), None)


def _keys(repairs: Iterable[Repair]) -> tuple[str, ...]:
    return tuple(each.stored.key for each in repairs)
