"""The differences between two reports as documents. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from typing import Any

import orjson

from pywats_archive.models.operation.replay import Change, ChangeKind
from pywats_archive.models.time import UTC, as_utc

_IDS = frozenset({"id", "uuid", "guid"})
"""Fields that identify a document, and differ at each conversion."""
_NAMES = ("name", "stepName", "idx", "id")
"""Fields that identify the members of a list, in order of preference."""
_MARGIN = timedelta(seconds=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """When a conversion ran: a time in its report within this interval is that of the conversion, not of the unit."""

    started_at: datetime
    ended_at: datetime

    @classmethod
    def of(cls, started_at: datetime, duration_ms: int) -> Ran:
        """Return the interval of a conversion, by its start and its duration."""
        return cls(started_at=started_at, ended_at=started_at + timedelta(milliseconds=duration_ms))

    def holds(self, value: Any) -> bool:
        """Return whether a value is a moment of this conversion."""
        return any(self.started_at - _MARGIN <= moment <= self.ended_at + _MARGIN for moment in _moments(value))


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The differences between two documents, in the order of the old one."""

    lasting: tuple[Change, ...] = ()
    volatile: tuple[Change, ...] = ()
    """Fields that always differ between conversions (see ``is_volatile``)."""


def difference(
    old: Mapping[str, Any], new: Mapping[str, Any], *, old_ran: Ran | None = None, new_ran: Ran | None = None
) -> Difference:
    """Compare two documents by their values, not by their text."""
    lasting: list[Change] = []
    volatile: list[Change] = []
    for change in _of_objects("", old, new):
        (volatile if is_volatile(change, old_ran=old_ran, new_ran=new_ran) else lasting).append(change)
    return Difference(lasting=tuple(lasting), volatile=tuple(volatile))


def is_volatile(change: Change, *, old_ran: Ran | None, new_ran: Ran | None) -> bool:
    """Return whether a field always differs between conversions: the document's id, and the conversion time."""
    if change.path.count("/") == 1 and change.path[1:].lower() in _IDS:
        return True
    if change.kind is not ChangeKind.CHANGED or old_ran is None or new_ran is None:
        return False
    return old_ran.holds(change.old) and new_ran.holds(change.new)


def _of_values(path: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        if not _are_the_same(old, new):
            yield from _of_objects(path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        if not _are_the_same(old, new):
            yield from _of_lists(path, old, new)
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield Change(path=path or "/", kind=ChangeKind.CHANGED, old=old, new=new)


def _are_the_same(old: Any, new: Any) -> bool:
    """Return whether two values are written alike, so that they need not be compared in detail."""
    try:
        return orjson.dumps(old) == orjson.dumps(new)
    except TypeError:  # an integer of more than 64 bits
        return False


def _of_objects(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in old:
        inner = f"{path}/{key}"
        if key in new:
            yield from _of_values(inner, old[key], new[key])
        else:
            yield Change(path=inner, kind=ChangeKind.REMOVED, old=old[key])
    for key in new:
        if key not in old:
            yield Change(path=f"{path}/{key}", kind=ChangeKind.ADDED, new=new[key])


def _of_lists(path: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[Change]:
    """Members are matched by name, so that one more in the middle does not make all others differ."""
    for tag, old_from, old_to, new_from, new_to in _matched([_key(each) for each in old], [_key(each) for each in new]):
        both = min(old_to - old_from, new_to - new_from) if tag in ("equal", "replace") else 0
        for n in range(both):
            yield from _of_values(f"{path}[{old_from + n}]", old[old_from + n], new[new_from + n])
        for n in range(old_from + both, old_to):
            yield Change(path=f"{path}[{n}]", kind=ChangeKind.REMOVED, old=old[n])
        for n in range(new_from + both, new_to):
            yield Change(path=f"{path}[{n}]", kind=ChangeKind.ADDED, new=new[n])


def _matched(old: list[str], new: list[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """Match two lists by ``SequenceMatcher``, which needs seconds for thousands of members of the same name.

    So their common beginning and end are matched first.
    """
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    tail = next((n for n in range(shorter - head) if old[-1 - n] != new[-1 - n]), shorter - head)
    yield "equal", 0, head, 0, head
    inner = SequenceMatcher(a=old[head : len(old) - tail], b=new[head : len(new) - tail], autojunk=False)
    for tag, *where in inner.get_opcodes():
        old_from, old_to, new_from, new_to = (head + n for n in where)
        yield tag, old_from, old_to, new_from, new_to
    yield "equal", len(old) - tail, len(old), len(new) - tail, len(new)


def _key(member: Any) -> str:
    if not isinstance(member, Mapping):
        return ""
    return next((f"{name}={member[name]}" for name in _NAMES if name in member), "")


def _moments(value: Any) -> Iterator[datetime]:
    """Return the moment in a text; one without a zone may be the station's local time, or UTC (as ``startUTC`` is)."""
    if not isinstance(value, str) or len(value) < len("2026-01-31T08:00"):
        return
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        yield as_utc(moment)
        if moment.tzinfo is None:
            yield moment.replace(tzinfo=UTC)
