"""Decides which earlier report of its entry each report of a new conversion continues (invariant 14). Pure.

Two reports are of the same test if unit (serial number), part number, operation and start time are equal. A fixed converter may
correct any of these. So a pair may also differ in one of the last three, or in all of them if the unit has only one report
on each side. The unit itself never differs: an earlier report that names another unit is left alone, however many there are.
An earlier report without a unit (no serial number, or a placeholder such as UNKNOWN) may be continued by the only new one
that is left, since no unit loses its report by that. A new report without a unit never continues one that has a unit.
If several pairs are possible, none is used: the reports wait for a person.

If a file grew, the earlier reports come from other bytes, which may contain another test of the same unit. Then only the
converter's own id, or all four keys, make two reports the same test.
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
"""Whether the earlier report with this id and the new one with this ordinal differ only in their ids."""
_NEW = "the entry has no report of this test"


def paired(
    earlier: Sequence[Earlier],
    new: Sequence[New],
    *,
    alike: Alike = lambda report_id, ordinal: False,
    is_unit_changed: bool = False,
    is_grown: bool = False,
) -> Pairing:
    """Decide which earlier report each new one continues; ``alike`` is called only if several tests are equal.

    ``is_unit_changed``: a person allows the same test to have another serial number now, if its own id is the same, or if
    there is one report on each side. ``is_grown``: the earlier reports are of other entries, from before the file grew.
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
        _exclude_equals(known)
    else:
        _join_by_corrected_key(known)
        _join_only_one(known)
        _exclude_several(known)
    _exclude_claimed_ids(known)
    no_successor = tuple(known.open_earlier.values())
    _join_unsent(known, [each for each in earlier if not each.is_sent])
    for each in tuple(known.open_new.values()):
        known.decide(each, Link.NEW, _NEW)
    pairs = tuple(sorted(known.pairs, key=lambda pair: pair.ordinal))
    return Pairing(pairs=pairs, no_successor=no_successor, undecided=tuple(known.undecided))


def unpaired(count: int) -> Pairing:
    """Return the decision about the first reports of an entry: they continue none."""
    return Pairing(pairs=tuple(Pair(ordinal=ordinal, link=Link.NEW, reason=_NEW) for ordinal in range(1, count + 1)))


@dataclass(kw_only=True, slots=True)
class _Matching:
    """The decisions so far, and the reports that are still open."""

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

    def exclude(self, old: Iterable[Earlier], new: Iterable[New], reason: str) -> None:
        """Leave these to a person."""
        self.undecided += [self.open_earlier.pop(each.report_id) for each in old]
        for each in new:
            self.decide(each, Link.AMBIGUOUS, reason)

    def open_by(self, key: Callable[[Keys], Hashable]) -> Iterator[tuple[Any, list[Earlier], list[New]]]:
        """Yield each key that open reports of both sides have, with these reports; None is no key."""
        olds = _grouped(self.open_earlier.values(), lambda each: key(each.keys))
        news = _grouped(self.open_new.values(), lambda each: key(each.keys))
        for found in [found for found in news if found is not None and found in olds]:
            yield found, olds[found], news[found]


def _join_by_id_and_keys(known: _Matching) -> None:
    """Join reports by the converter's own id, and by all four keys; where these two disagree, join none."""
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
    known.exclude(olds.values(), [each for each, _ in disputed], "its reports' ids and their tests disagree")


def _meant(known: _Matching) -> dict[int, list[Earlier]]:
    """Return by ordinal the earlier reports with the own id of a new one, or with its four keys, if no other has these.

    An own id that now stands for another unit is ignored: such ids depend on the position in the file, not on the test.
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
    """Join reports with equal keys and equal documents, and then those with only one left on each side.

    If the file grew, the latter are joined only if they name a unit: an appended test without one may be any other test.
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
    """Join reports that differ in one key only, if the other keys distinguish all reports of the unit."""
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


def _unique_but_for(side: Iterable[Side], excluded: str) -> dict[Hashable, Side]:
    """Return by their other keys the reports that are still distinct without the key ``excluded``."""
    others = attrgetter(*(f"keys.{name}" for name in ("unit", *CORRECTABLE) if name != excluded))
    return _unique(side, others)


def _join_only_one(known: _Matching) -> None:
    """Join reports that are the only one of their unit on each side, and the only one left with one that names no unit."""
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


def _exclude_several(known: _Matching) -> None:
    """Leave reports with several possible partners to a person: those of one unit, or of one test without a unit."""
    for _, olds, news in known.open_by(lambda keys: keys.unit):
        known.exclude(olds, news, _ambiguity(olds, news, "one serial number"))
    for _, olds, news in known.open_by(lambda keys: None if keys.unit else keys):
        known.exclude(olds, news, _ambiguity(olds, news, "one test without a serial number"))


def _exclude_equals(known: _Matching) -> None:
    """Leave reports with several possible partners of equal keys to a person."""
    for keys, olds, news in known.open_by(lambda keys: keys):
        known.exclude(
            olds, news, _ambiguity(olds, news, "one test" if keys.unit else "one test without a serial number")
        )


def _ambiguity(olds: Sequence[Earlier], news: Sequence[New], whose: str) -> str:
    return f"{len(olds)} earlier and {len(news)} new reports of {whose}: it is ambiguous which continues which"


def _exclude_claimed_ids(known: _Matching) -> None:
    """Leave to a person each report with the id of an earlier one that is of another unit and has no successor."""
    by_id = {id_key(each.report_id): each for each in known.open_earlier.values()}
    for each in tuple(known.open_new.values()):
        if old := by_id.pop(id_key(each.own_id), None) if each.own_id else None:
            known.exclude([old], [each], "a report has the id of an earlier one, and another serial number")


def _join_unsent(known: _Matching, unsent: Sequence[Earlier]) -> None:
    """Let reports that were never sent keep their ids, by own id or else by keys and position: nothing can be lost."""
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
    """Return by key the reports whose key no other report has."""
    return {found: of_it[0] for found, of_it in _grouped(each_of, key).items() if len(of_it) == 1}
