"""Which report of a new conversion continues which earlier one of its entry, decided by what a test is (invariant 14). Pure.

Two reports are of one test when unit (serial number), part number, operation and start time are equal. A fixed converter may
correct any of these, so a pair may also differ in one of the last three, or in all of them where the unit has only one report
on each side. The unit itself never differs: an earlier report that names another unit is left alone, however many there are.
An earlier report that names no unit (no serial number, or a placeholder such as UNKNOWN) may be continued by the only new one
that is left, for no unit loses its report by that. A new report without a unit never continues one that has a unit.
Where several pairs are possible, none is taken: the reports wait for a person.

Of a file that grew the earlier reports are of other bytes, among which may be another test of the same unit. So only the
converter's own id, or all four keys, make two reports one test there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, TypeVar

from pywats_archive.models.pairing import CORRECTABLE, Earlier, Keys, Link, New, Pair, Pairing
from pywats_archive.models.report import id_key

Side = TypeVar("Side", Earlier, New)
Alike = Callable[[str, int], bool]
"""Whether the earlier report of an id and the new one of an ordinal are one document but for their ids."""
_NEW = "the entry has no report of this test"


def paired(
    earlier: Sequence[Earlier],
    new: Sequence[New],
    *,
    alike: Alike = lambda report_id, ordinal: False,
    is_unit_changed: bool = False,
    is_grown: bool = False,
) -> Pairing:
    """Decide what each new report continues; ``alike`` is asked only where several tests are equal.

    ``is_unit_changed``: a person says that the same test may have another serial number now, where its own id is the same, or
    where there is one report on each side. ``is_grown``: the earlier ones are of other entries, before their file grew.
    """
    sent = [each for each in earlier if each.is_sent]
    known = _Matching(
        sent=sent,
        new=new,
        is_unit_changed=is_unit_changed,
        open_earlier={each.report_id: each for each in sent},
        open_new={each.ordinal: each for each in new},
    )
    _join_by_id_and_keys(known)
    _join_among_equals(known, alike, is_grown=is_grown)
    if is_grown:
        _leave_equals(known)
    else:
        _join_by_corrected_key(known)
        _join_only_one(known)
        _leave_several(known)
    _leave_claimed_ids(known)
    no_successor = tuple(known.open_earlier.values())
    _join_unsent(known, [each for each in earlier if not each.is_sent])
    for each in tuple(known.open_new.values()):
        known.decide(each, Link.NEW, _NEW)
    pairs = tuple(sorted(known.pairs, key=lambda pair: pair.ordinal))
    return Pairing(pairs=pairs, no_successor=no_successor, undecided=tuple(known.undecided))


def unpaired(count: int) -> Pairing:
    """Return what is decided of the first reports of an entry: they continue none, whatever they test."""
    return Pairing(pairs=tuple(Pair(ordinal=ordinal, link=Link.NEW, reason=_NEW) for ordinal in range(1, count + 1)))


@dataclass(kw_only=True, slots=True)
class _Matching:
    """What is decided so far, and what is still open."""

    sent: Sequence[Earlier]
    new: Sequence[New]
    is_unit_changed: bool
    open_earlier: dict[str, Earlier]
    open_new: dict[int, New]
    pairs: list[Pair] = field(default_factory=list)
    undecided: list[Earlier] = field(default_factory=list)

    def decide(self, each: New, link: Link, reason: str, partner: Earlier | None = None) -> None:
        del self.open_new[each.ordinal]
        report_id, is_sent = (partner.report_id, partner.is_sent) if partner else (None, False)
        pair = Pair(ordinal=each.ordinal, link=link, reason=reason, report_id=report_id, is_sent=is_sent)
        self.pairs.append(pair)

    def join(self, old: Earlier, each: New, reason: str) -> None:
        del self.open_earlier[old.report_id]
        self.decide(each, Link.SAME, reason, old)

    def leave(self, old: Iterable[Earlier], new: Iterable[New], reason: str) -> None:
        """Leave these to a person."""
        self.undecided += [self.open_earlier.pop(each.report_id) for each in old]
        for each in new:
            self.decide(each, Link.AMBIGUOUS, reason)

    def open_by(self, key: Callable[[Keys], Hashable]) -> Iterator[tuple[Any, list[Earlier], list[New]]]:
        """Give what is open on both sides under one key of its test; None is no key."""
        olds = _grouped(self.open_earlier.values(), lambda each: key(each.keys))
        news = _grouped(self.open_new.values(), lambda each: key(each.keys))
        for found in [found for found in news if found is not None and found in olds]:
            yield found, olds[found], news[found]


def _join_by_id_and_keys(known: _Matching) -> None:
    """Join what the converter's own id joins, and what all four keys join; where these two disagree, none is taken."""
    meant = _meant(known)
    wanted = Counter(old.report_id for found in meant.values() for old in found)
    disputed = []
    for ordinal, found in meant.items():
        each = known.open_new[ordinal]
        if len(found) == 1 and wanted[found[0].report_id] == 1:
            known.join(found[0], each, "the same test" if each.keys == found[0].keys else "its own id")
        else:
            disputed.append((each, found))
    olds = {old.report_id: old for _, found in disputed for old in found}
    known.leave(
        olds.values(), [each for each, _ in disputed], "what its reports are called and what they test disagree"
    )


def _meant(known: _Matching) -> dict[int, list[Earlier]]:
    """Give by ordinal the earlier reports that have the own id of a new one, or its four keys, where no other has them.

    An own id that stands for another unit now is no sign: such ids go by the place in the file, not by the test.
    """
    old_by_keys = _unique(known.sent, lambda each: each.keys)
    new_by_keys = _unique(known.new, lambda each: each.keys)
    old_by_id = {id_key(each.report_id): each for each in known.sent}
    new_by_id = _unique(known.new, lambda each: id_key(each.own_id or ""))
    meant: dict[int, list[Earlier]] = {}
    for each in known.new:
        exact = old_by_keys.get(each.keys) if each.keys.unit and each.keys in new_by_keys else None
        own_key = id_key(each.own_id or "")
        own = old_by_id.get(own_key) if each.own_id and own_key in new_by_id else None
        if own and not known.is_unit_changed and own.keys.unit not in (None, each.keys.unit):
            own = None
        if found := {old.report_id: old for old in (exact, own) if old}:
            meant[each.ordinal] = list(found.values())
    return meant


def _join_among_equals(known: _Matching, alike: Alike, *, is_grown: bool) -> None:
    """Join reports of equal keys that are one document, and then the one on each side that is left of them.

    Where the file grew, the latter only if they name a unit: what is appended without one may be any other test.
    """
    for keys, olds, news in known.open_by(lambda keys: keys):
        for each in tuple(news):
            if old := next((old for old in olds if alike(old.report_id, each.ordinal)), None):
                olds.remove(old)
                news.remove(each)
                known.join(old, each, "the same document")
        if len(olds) == len(news) == 1 and (keys.unit or not is_grown):
            known.join(olds[0], news[0], "the same test")


def _join_by_corrected_key(known: _Matching) -> None:
    """Join what differs in one key alone, where the others are enough to tell all reports of the unit apart."""
    found: dict[int, dict[str, Earlier]] = {}
    for name in CORRECTABLE:
        old_by_key, new_by_key = _unique_but_for(known.sent, name), _unique_but_for(known.new, name)
        for key, each in new_by_key.items():
            old = old_by_key.get(key)
            if old and old.keys.unit and old.report_id in known.open_earlier and each.ordinal in known.open_new:
                found.setdefault(each.ordinal, {})[old.report_id] = old
    wanted = Counter(report_id for olds in found.values() for report_id in olds)
    for ordinal, olds in found.items():
        (old, *others) = olds.values()
        if not others and wanted[old.report_id] == 1:
            known.join(old, known.open_new[ordinal], "the same test, with one key corrected")


def _unique_but_for(side: Iterable[Side], left_out: str) -> dict[Hashable, Side]:
    """Give what can be told apart without one of its keys, by the others."""
    others = attrgetter(*(f"keys.{name}" for name in ("unit", *CORRECTABLE) if name != left_out))
    return _unique(side, others)


def _join_only_one(known: _Matching) -> None:
    """Join what is the only report of its unit on each side, and the only one left to one that names no unit."""
    old_units, new_units = (Counter(each.keys.unit for each in side) for side in (known.sent, known.new))
    for unit, olds, news in known.open_by(lambda keys: keys.unit):
        if old_units[unit] == new_units[unit] == 1:
            known.join(olds[0], news[0], "the only report of its unit")
    if len(known.open_earlier) == len(known.open_new) == 1:
        (old,), (each,) = known.open_earlier.values(), known.open_new.values()
        is_alone = len(known.sent) == len(known.new) == 1
        if is_alone and (known.is_unit_changed or old.keys.unit is None):
            known.join(old, each, "the only report of its source")
        elif old.keys.unit is None and not old.keys.contradicts(each.keys):
            known.join(old, each, "the only one left to a report that names no unit")


def _leave_several(known: _Matching) -> None:
    """Leave to a person what has several possible partners: reports of one unit, or of one test that names none."""
    for _, olds, news in known.open_by(lambda keys: keys.unit):
        known.leave(olds, news, _told(olds, news, "one serial number"))
    for _, olds, news in known.open_by(lambda keys: None if keys.unit else keys):
        known.leave(olds, news, _told(olds, news, "one test without a serial number"))


def _leave_equals(known: _Matching) -> None:
    """Leave to a person what has several possible partners among reports of equal keys."""
    for keys, olds, news in known.open_by(lambda keys: keys):
        known.leave(olds, news, _told(olds, news, "one test" if keys.unit else "one test without a serial number"))


def _told(olds: Sequence[Earlier], news: Sequence[New], whose: str) -> str:
    return f"{len(olds)} earlier and {len(news)} new reports of {whose}: which continues which cannot be told"


def _leave_claimed_ids(known: _Matching) -> None:
    """Leave to a person what has the id of an earlier report that is of another unit and has no successor."""
    by_id = {id_key(each.report_id): each for each in known.open_earlier.values()}
    for each in tuple(known.open_new.values()):
        if old := by_id.pop(id_key(each.own_id), None) if each.own_id else None:
            known.leave([old], [each], "a report has the id of an earlier one, and another serial number")


def _join_unsent(known: _Matching, unsent: Sequence[Earlier]) -> None:
    """Let what the server never got keep its id: by its own, or by its keys and then its place, for nothing can be lost."""
    by_id = {id_key(each.report_id): each for each in unsent}
    by_keys = _grouped(reversed(unsent), lambda each: each.keys)
    for each in tuple(known.open_new.values()):
        if old := by_id.pop(id_key(each.own_id), None) if each.own_id else None:
            by_keys[old.keys].remove(old)
            known.decide(each, Link.SAME, "its own id, which was not sent yet", old)
    for each in tuple(known.open_new.values()):
        if olds := by_keys.get(each.keys):
            known.decide(each, Link.SAME, "the same test, which was not sent yet", olds.pop())


def _grouped(each_of: Iterable[Side], key: Callable[[Side], Hashable]) -> dict[Hashable, list[Side]]:
    found: dict[Hashable, list[Side]] = {}
    for each in each_of:
        found.setdefault(key(each), []).append(each)
    return found


def _unique(each_of: Iterable[Side], key: Callable[[Side], Hashable]) -> dict[Hashable, Side]:
    """Give what has a key that no other has, by that key."""
    return {found: of_it[0] for found, of_it in _grouped(each_of, key).items() if len(of_it) == 1}
