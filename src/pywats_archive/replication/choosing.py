"""Chooses the history of an archive to restore, and its segments that follow one another."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from pywats_archive.errors import KeyMissing, SegmentDamaged, UsageError
from pywats_archive.replication import names
from pywats_archive.replication.fetching import misplaced, segment_at, segment_keys
from pywats_archive.replication.repair.selection import select
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.vault.store import Vault

_LAST = "~"
"""Sorts after every character of a key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The segments to restore from, oldest first, each with its description."""

    archive_uuid: str
    segments: Sequence[tuple[str, SegmentDescription]]
    """Each with the key that it is read from: that of a repair, if the segment itself is damaged or missing."""
    others: Mapping[str, Sequence[str]]
    """By such a key, the keys of other objects that may have parts of the segment, best first."""
    problems: tuple[str, ...]
    """Segments of this history that are left out, and why; and histories of which no segment can be read."""
    remarks: tuple[str, ...] = ()
    """Repairs that are used, other histories of the archive, and segments of them that cannot be read."""

    @property
    def last(self) -> SegmentDescription:
        """The description of the newest segment."""
        return self.segments[-1][1]

    @property
    def entries(self) -> int:
        """How many entries it has."""
        return sum(each.entries for _, each in self.segments)


def archives_in(vault: Vault) -> Iterator[str]:
    """Yield the uuid of each archive that has segments in the vault; one listing of a few keys for each."""
    return filter(_is_uuid, _below(vault, ""))


def _is_uuid(text: str) -> bool:
    with suppress(ValueError):
        return str(uuid.UUID(text)) == text.lower()
    return False


def chains_in(vault: Vault, archive_uuid: str) -> Iterator[str]:
    """Yield the name of each history of an archive that has segments in the vault; one listing of a few keys for each."""
    for chain in _below(vault, archive_uuid):
        if next(segment_keys(vault, archive_uuid, chain), None):
            yield chain


def _below(vault: Vault, folder: str) -> Iterator[str]:
    """Yield the names of the folders below a folder, without listing their contents."""
    after = ""
    while found := next(vault.keys(folder, after=after), None):
        rest = found.key.removeprefix(f"{folder}/") if folder else found.key
        name, is_folder, _ = rest.partition("/")
        path = f"{folder}/{name}" if folder else name
        if is_folder:
            yield name
        after = f"{path}/{_LAST}" if is_folder else found.key


def choose(vault: Vault, archive_uuid: str | None, until: datetime | None) -> Chosen:
    """Choose a history of an archive, up to the last segment that ended by then.

    Of several histories, the newest one that has the event it is named after: a catalog that was rebuilt begins another
    history, and all that it had then is before that event. Without such an event, it is the one with the most entries.
    UsageError if the vault has several archives and none is named, or nothing that is as old.
    """
    if archive_uuid is None:
        found = list(archives_in(vault))
        if len(found) != 1:
            known = ", ".join(found) or "none"
            raise UsageError(f"{vault.url}: has these archives: {known}; name one of them with --uuid")
        (archive_uuid,) = found
    if not _is_uuid(archive_uuid):
        raise UsageError(f"{archive_uuid!r}: is not a UUID; name an archive as it is in the vault")
    known_chains = list(chains_in(vault, archive_uuid))
    read = [_of_chain(vault, archive_uuid, chain, until) for chain in known_chains]
    chosen = [each for each in read if each.segments]
    if not chosen:
        when = f" up to {until.isoformat()}" if until else ""
        damage = "".join(f"; {problem}" for each in read for problem in each.problems[:3])
        raise UsageError(f"{vault.url}: has no segment of {archive_uuid}{when} that can be read{damage}")
    best = chosen[0] if len(chosen) == 1 else _best(vault, chosen)
    others = [each for each in chosen if each is not best]
    damaged = (problem for each in others for problem in each.problems)
    unread = (problem for each in read if not each.segments for problem in each.problems)
    return replace(
        best,
        problems=(*best.problems, *unread),
        remarks=(*best.remarks, *(_remark(vault, each) for each in others), *damaged),
    )


def _best(vault: Vault, chosen: Sequence[Chosen]) -> Chosen:
    complete = [each for each in chosen if _has_beginning(vault, each)]
    if complete:
        return max(complete, key=lambda each: each.last.made_at)
    return max(chosen, key=lambda each: (each.entries, each.last.made_at))


def _has_beginning(vault: Vault, chosen: Chosen) -> bool:
    """Whether a history has the event that it is named after."""
    wanted = b'"hash":"' + chosen.last.chain.encode()
    for key, _ in chosen.segments:
        with suppress(SegmentDamaged, KeyMissing):
            if any(wanted in line for line in segment_at(vault, key).rows()):
                return True
    return False


def _remark(vault: Vault, other: Chosen) -> str:
    last = other.last
    return (
        f"{vault.url}: {names.segments_folder(other.archive_uuid, last.chain)} is another history of this archive, and was not "
        f"restored: {other.entries} entries, up to event {last.last} of {last.ended_at:%Y-%m-%d %H:%M:%S} UTC"
    )


def _of_chain(vault: Vault, archive_uuid: str, chain: str, until: datetime | None) -> Chosen:
    found, problems = dict[str, SegmentDescription](), dict[str, str]()
    for key in segment_keys(vault, archive_uuid, chain):
        try:
            known = segment_at(vault, key).description
        except (SegmentDamaged, KeyMissing) as exc:
            problems[key] = str(exc)
            continue
        if why := misplaced(key, known, archive_uuid, chain):
            problems[key] = f"{vault.url}: {key}: {why}; it is left out"
        else:
            found[key] = known
    selected = select(vault, archive_uuid, chain, found)
    for segment, each in selected.items():
        found.pop(segment, None)
        problems.pop(segment, None)
        found[each.key] = each.description
    following = list(_following(found))
    left_out = [
        f"{vault.url}: {key}: does not follow from the segments before it; it is left out"
        for key in found.keys() - dict(following).keys()
    ]
    if until:
        number = max((n for n, (_, each) in enumerate(following, 1) if each.ended_at <= until), default=0)
        following = following[:number]
    used = dict(following)
    return Chosen(
        archive_uuid=archive_uuid,
        segments=following,
        others={each.key: each.others for each in selected.values()},
        problems=(*problems.values(), *left_out),
        remarks=tuple(
            f"{vault.url}: {segment} is damaged, missing or not what was stored there; {each.key} is used, which repairs it"
            for segment, each in selected.items()
            if each.key in used and each.key != segment
        ),
    )


def _following(found: Mapping[str, SegmentDescription]) -> Iterator[tuple[str, SegmentDescription]]:
    """Yield the segments that follow one another; after a gap, the next ones."""
    by_first = {known.first: (key, known) for key, known in found.items()}
    before: SegmentDescription | None = None
    for first in sorted(by_first):
        if before is not None and first <= before.last:
            continue
        key, known = by_first[first]
        if before is not None and first == before.last + 1 and known.previous_hash != before.hash:
            continue
        yield key, known
        before = known
