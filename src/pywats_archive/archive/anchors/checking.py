"""Compares anchors with the history: which agree with it, and which show that it was cut off or recomputed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from pywats_archive.archive.anchors.anchor import Anchor, from_carried, key_id
from pywats_archive.archive.anchors.making import IDENTIFIED, KEY_RECORDED
from pywats_archive.archive.anchors.replaced import ReplacedHistories
from pywats_archive.archive.anchors.signing import filed_keys, is_signed
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.catalog import events
from pywats_archive.models.event import Event
from pywats_archive.models.operation.integrity import Problem, ProblemKind


class Verdict(Enum):
    """The result of the comparison of an anchor with the history."""

    AGREES = "agrees"
    FORMER = "former"
    """It agrees with the history of a catalog that a rebuild replaced and kept."""
    LOST = "lost"
    """It is of a history that a rebuild replaced, and that was not kept."""
    UNDECIDED = "undecided"
    """The chain is broken before its event."""
    CUT = "cut"
    ALTERED = "altered"
    UNKNOWN_KEY = "unknown_key"
    FORGED = "forged"
    FOREIGN = "foreign"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """An anchor, and the place where it was found."""

    anchor: Anchor
    where: str
    is_outside: bool
    """Whether the place is outside the archive."""

    def __str__(self) -> str:
        return f"event {self.anchor.event} of {self.anchor.at:%Y-%m-%d %H:%M:%S} UTC (anchor in {self.where})"


class AnchorChecks:
    """Compares anchors with one archive's history, one after the other; keeps one of each verdict."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._replaced = ReplacedHistories(archive)
        self.number_outside = 0
        """Number of anchors outside the archive."""
        self._broken_at: int | None = None
        self._first: dict[tuple[Verdict, bool], Shown] = {}
        """The oldest anchor of each verdict, inside and outside the archive."""
        self._numbers: dict[Verdict, int] = {}
        self._newest: dict[bool, Shown] = {}
        self._last_carried: Mapping[str, Any] | None = None
        self._unusable: str | None = None
        """The first blob whose anchor is signed with an unknown key, or invalid."""

    def break_at(self, event: int) -> None:
        """Note that the chain is broken at an event: no anchor of a later one shows anything."""
        self._broken_at = event if self._broken_at is None else min(event, self._broken_at)

    def add(self, anchor: Anchor, where: str, *, is_outside: bool) -> Verdict:
        """Compare an anchor."""
        shown = Shown(anchor=anchor, where=where, is_outside=is_outside)
        verdict = self._verdict(anchor)
        self.number_outside += is_outside
        self._numbers[verdict] = self._numbers.get(verdict, 0) + 1
        first = self._first.get((verdict, is_outside))
        if first is None or anchor.event < first.anchor.event:
            self._first[verdict, is_outside] = shown
        newest = self._newest.get(is_outside)
        if verdict is Verdict.AGREES and (newest is None or anchor.event > newest.anchor.event):
            self._newest[is_outside] = shown
        return verdict

    def add_carried(self, metadata: Mapping[str, Any], where: str) -> None:
        """Compare the anchor in the header of a blob, if it has one; one that the last blob had too is compared once."""
        fields = metadata.get("anchor")
        if not isinstance(fields, dict) or fields == self._last_carried:
            return
        self._last_carried = fields
        known = {**self._filed_keys, **self._keys}
        found = [each for uuid in sorted(self.uuids) if (each := from_carried(fields, uuid, known))]
        if found:
            self.add(next(filter(is_signed, found), found[0]), where, is_outside=False)
        elif self._unusable is None:
            self._unusable = where

    @property
    def newest(self) -> Shown | None:
        """The newest anchor outside the archive that agrees with the history."""
        return self._newest.get(True)

    @cached_property
    def uuids(self) -> frozenset[str]:
        """The uuid of the archive, and each that its history records."""
        with self._archive.read() as db:
            recorded = events.without_archive_id(db, IDENTIFIED)
        return frozenset(
            {self._archive.description.archive_uuid, *(str(each.details.get("archive_uuid")) for each in recorded)}
        )

    @property
    def keys(self) -> frozenset[str]:
        """The ids of the keys that the history names, and of those beside the catalog."""
        return frozenset({*self._keys, *self._filed_keys})

    def problems(self) -> Iterator[Problem]:
        """Yield a problem for another uuid, and for each verdict that is one, with its oldest anchor."""
        if former := self.uuids - {self._archive.description.archive_uuid}:
            recorded = f"the history records {' and '.join(sorted(former))}, and archive.json has another uuid"
            message = f"{self._archive.root / layout.DESCRIPTION}: {recorded}; {_COMPARE}"
            yield Problem(kind=ProblemKind.ARCHIVE_ALTERED, path=layout.DESCRIPTION, message=message)
        catalog = self._archive.root / layout.CATALOG
        for verdict, (kind, text) in _PROBLEMS.items():
            if (shown := self._oldest(verdict)) and (shown.is_outside or verdict not in _OF_A_REBUILD):
                number = self._numbers[verdict]
                others = f" ({number} anchors show this; this is the oldest)" if number > 1 else ""
                yield Problem(kind=kind, path=layout.CATALOG, message=f"{catalog}: {text(shown)}{others}")
        if self._unusable:
            fault = "carries an anchor that is invalid, or signed with a key that the history does not name"
            message = f"{self._unusable}: {fault}"
            yield Problem(kind=ProblemKind.ANCHOR_KEY, path=layout.CATALOG, message=f"{message}; {_COMPARE}")

    def notes(self) -> Iterator[str]:
        """Yield notes on the anchors that are no problems, a line each."""
        root, changes = self._archive.root, self._key_events[1:]
        for event in changes:
            keys = f"from {event.details.get('previous')} to {event.details.get('key')}"
            yield f"{root}: the signing key changed {keys} at event {event.sequence}, {event.at:%Y-%m-%d %H:%M:%S} UTC"
        if (former := self._oldest(Verdict.FORMER)) and not former.is_outside:
            number = self._numbers[Verdict.FORMER]
            yield f"{root}: {number} anchors agree with a history that a rebuild replaced and kept, from {former} on"
        if (lost := self._oldest(Verdict.LOST)) and not lost.is_outside:
            yield f"{root}: {self._numbers[Verdict.LOST]} anchors are of a history that a rebuild replaced, from {lost} on"
        if (inside := self._newest.get(False)) and not self.newest:
            yield f"{root}: the history agrees with the archive's own anchors up to {inside}"

    def _oldest(self, verdict: Verdict) -> Shown | None:
        """Return the oldest anchor of a verdict: one outside the archive, if there is any."""
        return self._first.get((verdict, True)) or self._first.get((verdict, False))

    def _verdict(self, anchor: Anchor) -> Verdict:
        if anchor.archive_uuid not in self.uuids:
            return Verdict.FOREIGN
        if not is_signed(anchor):
            return Verdict.FORGED
        with self._archive.read() as db:
            found, last = events.hash_at(db, anchor.event), events.last_number(db)
        if self._broken_at is not None and anchor.event >= self._broken_at:
            return Verdict.UNDECIDED
        if found == anchor.hash:
            return Verdict.AGREES if anchor.public_key in self._keys.values() else Verdict.UNKNOWN_KEY
        if self._replaced.is_kept(anchor.event, anchor.hash):
            return Verdict.FORMER
        if self._replaced.is_lost(anchor.event, anchor.at):
            return Verdict.LOST
        return Verdict.CUT if anchor.event > last else Verdict.ALTERED

    @cached_property
    def _key_events(self) -> tuple[Event, ...]:
        with self._archive.read() as db:
            return events.without_archive_id(db, KEY_RECORDED)

    @cached_property
    def _keys(self) -> dict[str, bytes]:
        keys = {}
        for event in self._key_events:
            try:
                key = base64.b64decode(str(event.details.get("public_key")), validate=True)
            except (ValueError, binascii.Error):
                continue
            keys[key_id(key)] = key
        return keys

    @cached_property
    def _filed_keys(self) -> dict[str, bytes]:
        """The public keys beside the catalog, for blobs from before a rebuild without a copy."""
        return {key_id(key): key for key in filed_keys(self._archive.root)}


_COMPARE = "compare with a backup"
_OF_A_REBUILD = (Verdict.LOST, Verdict.FORMER)
"""Verdicts that are problems only for anchors outside the archive: those inside may be from before a rebuild."""
_PROBLEMS: dict[Verdict, tuple[ProblemKind, Callable[[Shown], str]]] = {
    Verdict.CUT: (
        ProblemKind.HISTORY_CUT,
        lambda shown: (
            f"the history ends before {shown}: its newest events were cut off, or an older metadata.db was restored; {_COMPARE}"
        ),
    ),
    Verdict.ALTERED: (
        ProblemKind.HISTORY_ALTERED,
        lambda shown: f"the history differs from {shown}: it was recomputed, or cut off and continued; {_COMPARE}",
    ),
    Verdict.LOST: (
        ProblemKind.HISTORY_LOST,
        lambda shown: (
            f"the catalog was rebuilt, and the history that {shown} is of was not kept; account for the rebuild, then move "
            "the anchors from before it to another folder"
        ),
    ),
    Verdict.FORMER: (
        ProblemKind.HISTORY_REPLACED,
        lambda shown: (
            f"a rebuild replaced the history that {shown} is of: the former one is in metadata.db.damaged-*; compare the two, "
            "account for the rebuild, then move the anchors from before it to another folder"
        ),
    ),
    Verdict.UNKNOWN_KEY: (
        ProblemKind.ANCHOR_KEY,
        lambda shown: (
            f"{shown} is signed with the key {shown.anchor.key_id}, which the history does not name; {_COMPARE}"
        ),
    ),
    Verdict.FORGED: (
        ProblemKind.ANCHOR_DAMAGED,
        lambda shown: f"{shown} has a wrong signature: it was altered or damaged; compare it with another copy",
    ),
    Verdict.FOREIGN: (
        ProblemKind.ANCHOR_FOREIGN,
        lambda shown: (
            f"{shown} is of another archive ({shown.anchor.archive_uuid}); check the path, or compare archive.json with a "
            "backup"
        ),
    ),
}
