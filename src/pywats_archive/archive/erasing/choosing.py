"""Finds the entries that a person means, and the rule that protects one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.erasing import in_place, naming
from pywats_archive.archive.results.document import fields_of
from pywats_archive.catalog import erasing, purges, reports
from pywats_archive.errors import BlobDamaged, BlobMissing
from pywats_archive.models.entry import ERASED, ArchiveEntry
from pywats_archive.models.query import EntryFilter, SortKey
from pywats_archive.models.retention.erasure import ErasableEntry, ErasureChoice, ErasureRule

BY_ID, BY_FILTER, BY_SERIAL, BY_OPERATOR, BY_NAME = "id", "filter", "serial number", "operator", "name"
BY_TEXT = "text"
_PAGE = 500
_WILDCARDS = frozenset("*?")
_OPERATORS = (("operator",), ("uut", "user"), ("uur", "user"))
"""Where a report names a person (WSJF)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The entries of one archive that are meant."""

    entries: tuple[ErasableEntry, ...]
    also_named: tuple[ErasableEntry, ...]
    """Entries with the search text only in other places: they stay, unless their ids are named."""
    texts: tuple[str, ...]
    """What was asked for: texts that must not stay elsewhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What one condition, or all together, found: ids, each with what it was found by."""

    meant: dict[str, str]
    also: dict[str, str]


def choose(archive: Archive, choice: ErasureChoice) -> Chosen:
    """Return the entries that a choice means and that are not erased yet."""
    found, texts = _found(archive, choice)
    return Chosen(entries=_known(archive, found.meant), also_named=_known(archive, found.also), texts=texts)


def _known(archive: Archive, found: dict[str, str]) -> tuple[ErasableEntry, ...]:
    """Return the entries that are not erased yet."""
    if not found:
        return ()
    return tuple(
        ErasableEntry(archive_id=each.archive_id, converter_name=each.converter_name, found_by=found[each.archive_id])
        for each in _entries(archive, EntryFilter(archive_ids=tuple(found)))
        if each.source_original_path != ERASED
    )


def _found(archive: Archive, choice: ErasureChoice) -> tuple[_Found, tuple[str, ...]]:
    """Return what a choice finds, and the texts that were asked for."""
    if choice.archive_ids:
        return _Found(meant=dict.fromkeys(choice.archive_ids, BY_ID), also={}), ()
    each, texts = list[_Found](), list[str]()
    if serial := choice.serial_number:
        by_serial = (e.archive_id for e in _entries(archive, replace(choice.wanted, serial_number=serial)))
        each.append(_with_names(archive, choice.wanted, serial, dict.fromkeys(by_serial, BY_SERIAL), is_serial=True))
        texts += [] if _WILDCARDS & set(serial) else [serial]
    if operator := choice.operator:
        by_operator = dict.fromkeys(_operated(archive, choice.wanted, operator), BY_OPERATOR)
        each.append(_with_names(archive, choice.wanted, operator, by_operator, is_serial=False))
        texts.append(operator)
    if not each:
        return _Found(
            meant=dict.fromkeys((e.archive_id for e in _entries(archive, choice.wanted)), BY_FILTER), also={}
        ), ()
    return _of_all(each), tuple(texts)


def _of_all(each: Sequence[_Found]) -> _Found:
    """Return what all conditions find: an entry that one of them finds only in other texts is only named."""
    meant = set(each[0].meant).intersection(*(one.meant for one in each[1:]))
    wide = {**each[0].also, **each[0].meant}
    named = set(wide).intersection(*({*one.also, *one.meant} for one in each[1:])) - meant
    return _Found(
        meant={archive_id: why for archive_id, why in wide.items() if archive_id in meant},
        also=dict.fromkeys((archive_id for archive_id in wide if archive_id in named), BY_TEXT),
    )


def _with_names(
    archive: Archive, wanted: EntryFilter, text: str, by_report: dict[str, str], *, is_serial: bool
) -> _Found:
    """Return the entries found by reports, and those that have a text in file name, error or warnings."""
    if _WILDCARDS & set(text):
        return _Found(meant=by_report, also={})
    with archive.read() as db:
        found = dict(naming.named(db, text, is_serial=is_serial))
    ids = tuple(found)
    wanted_ids = [each.archive_id for each in _entries(archive, replace(wanted, archive_ids=ids))] if ids else []
    meant = {**{each: BY_NAME for each in wanted_ids if found[each]}, **by_report}
    return _Found(meant=meant, also={each: BY_TEXT for each in wanted_ids if each not in meant})


def _entries(archive: Archive, wanted: EntryFilter) -> Iterator[ArchiveEntry]:
    """Stream entries, a page in memory."""
    ordered, after = replace(wanted, sort=SortKey.TIME, newest_first=False), None
    while True:
        page = archive.find(ordered, limit=_PAGE, after=after)
        yield from page.items
        if (after := page.next) is None:
            return


def _operated(archive: Archive, wanted: EntryFilter, operator: str) -> Iterator[str]:
    """Stream the entries with a report that names an operator; every report is read."""
    for entry in _entries(archive, replace(wanted, purged=False)):
        if any(name.casefold() == operator.casefold() for name in _operators(archive, entry.archive_id)):
            yield entry.archive_id


def _operators(archive: Archive, archive_id: str) -> Iterator[str]:
    with archive.read() as db:
        every = reports.of_entry(db, archive_id)
    for report in every:
        try:
            fields = fields_of(archive.document(report))
        except (BlobMissing, BlobDamaged, ValueError):  # removed on record, or damaged; without its key, it is an error
            continue
        yield from _named_in(fields)


def _named_in(fields: Mapping[str, Any]) -> Iterator[str]:
    for *parts, last in _OPERATORS:
        place: Any = fields
        for part in parts:
            place = place.get(part) if isinstance(place, Mapping) else None
        if isinstance(place, Mapping) and isinstance(name := place.get(last), str):
            yield name


def rule_of(archive: Archive, archive_ids: Sequence[str], mount_points: Mapping[str, str]) -> dict[str, ErasureRule]:
    """Return the entries that must not be erased now, each with the rule that says so.

    ``mount_points``: by watch folder, where its disk or share is mounted.
    """
    if (of_all := _rule_of_archive(archive)) is not None:
        return dict.fromkeys(archive_ids, of_all)
    with archive.read() as db:
        facts = erasing.obstacles(db, archive_ids)
        blobs = purges.blobs_of(db, archive_ids)
        rules = {
            archive_id: rule
            for archive_id, known in facts.items()
            if (rule := _rule(archive, archive_id, known, blobs.get(archive_id, ())))
        }
    return {**in_place.rules_of(archive, facts.keys() - rules.keys(), mount_points), **rules}


def _rule_of_archive(archive: Archive) -> ErasureRule | None:
    """Return the rule of a whole archive from which nothing may be erased; None if there is none."""
    return ErasureRule.COMPLIANT if archive.compliance.is_on else None


def _rule(
    archive: Archive, archive_id: str, facts: tuple[bool, bool, bool], paths: Sequence[str]
) -> ErasureRule | None:
    is_held, is_pending, waits = facts
    if is_held:
        return ErasureRule.HELD
    if is_pending:
        return ErasureRule.PENDING
    if waits:
        return ErasureRule.WAITING
    if not all(archive.blobs.is_of(path, archive_id) for path in paths) or archive.blobs.is_linked(paths):
        return ErasureRule.ALTERED
    return None
