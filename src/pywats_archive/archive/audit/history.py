"""Checks the chain of events, and each row against the event of its last change."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.layout import CATALOG
from pywats_archive.catalog import events, figures_check, row_check, text_check
from pywats_archive.catalog.engine import Connection
from pywats_archive.catalog.erased_events import Naming
from pywats_archive.catalog.row_check import ChainBreak, Difference, History, Named, RowFault
from pywats_archive.models.operation.integrity import HistoryChecked, Problem, ProblemKind, RecordedErasure

_KINDS = {
    Difference.ALTERED: ProblemKind.ROW_ALTERED,
    Difference.UNRECORDED: ProblemKind.ROW_UNRECORDED,
    Difference.MISSING: ProblemKind.ROW_MISSING,
}
_BACKUP = "compare with a copy of the catalog, or a backup"


def check(archive: Archive, on_break: Callable[[int], None] = lambda event: None) -> Iterator[Problem | HistoryChecked]:
    """Yield what is wrong with events, rows, sums, triggers and tables, then what the history covers. As of one moment each.

    ``on_break`` is called with the number of an event that breaks the chain.
    """
    gone: set[str] = set()
    with archive.read() as db:
        for archive_id in events.without_entry(db):
            gone.add(archive_id)
            message = f"the history names entry {archive_id}, but its row is missing; compare with a backup"
            yield _problem(archive, ProblemKind.ENTRY_MISSING, archive_id, message)
        for found in row_check.check(db):
            if isinstance(found, History):
                yield HistoryChecked(
                    archive=str(archive.root),
                    events=found.events,
                    bound_from=found.bound_from,
                    erased=found.erased,
                    erasures=tuple(_erasure(*each) for each in found.erasures),
                )
            elif isinstance(found, ChainBreak):
                on_break(found.event.sequence)
                yield _broken(archive, found.event)
            elif not _is_said(found, gone):
                yield _row_problem(archive, found)
        with row_check.one_moment(db):
            wrong = list(figures_check.wrong_sums(db))
        for name in wrong:
            message = f"the sums of {name} differ from the count of their entries; {_BACKUP}"
            yield _problem(archive, ProblemKind.SUM_ALTERED, None, message)
        for name in figures_check.other_triggers(db):
            message = f"trigger '{name}' is missing, altered or of another program; {_BACKUP}"
            yield _problem(archive, ProblemKind.TRIGGER_ALTERED, None, message)
        for name in figures_check.other_tables(db):
            message = f"table '{name}' is not that of this version: another program put something else in its place; {_BACKUP}"
            yield _problem(archive, ProblemKind.TABLE_ALTERED, None, message)
        yield from _of_texts(archive, db)


def _erasure(number: int, naming: Naming, count: int) -> RecordedErasure:
    return RecordedErasure(
        event=number,
        at=naming.at,
        archive_id=naming.archive_id,
        actor=naming.actor,
        reason=naming.reason,
        erased=count,
    )


def _of_texts(archive: Archive, db: Connection) -> Iterator[Problem]:
    """Yield what is wrong with the full-text index, as of one moment."""
    if not text_check.has_its_form(db):
        message = f"the full-text index is missing, or not that of this version; {_BACKUP}"
        yield _problem(archive, ProblemKind.TEXT_ALTERED, None, message)
        return
    with row_check.one_moment(db):
        for archive_id in text_check.other_texts(db):
            message = f"the words that find entry {archive_id} are not those of the entry and its reports; {_BACKUP}"
            yield _problem(archive, ProblemKind.TEXT_ALTERED, archive_id, message)
        for number in text_check.of_no_entry(db):
            message = f"row {number} of the full-text index belongs to no entry; {_BACKUP}"
            yield _problem(archive, ProblemKind.TEXT_ALTERED, None, message)
        if not text_check.fits_its_texts(db):
            message = f"the full-text index does not fit its texts: a search can miss entries; {_BACKUP}"
            yield _problem(archive, ProblemKind.TEXT_ALTERED, None, message)


def _is_said(found: RowFault, gone: set[str]) -> bool:
    """Whether the row is that of an entry that is reported as missing already."""
    return (
        found.difference is Difference.MISSING
        and found.table == "archive_entries"
        and found.event is not None
        and found.event.archive_id in gone
    )


def _broken(archive: Archive, event: Named) -> Problem:
    message = (
        f"the history is broken at {_named(event)}: it, or what stood before it, was altered; compare with a backup"
    )
    return _problem(archive, ProblemKind.CHAIN_BROKEN, event.archive_id, message)


def _row_problem(archive: Archive, found: RowFault) -> Problem:
    row = f"row {found.key} of {found.table}"
    if found.archive_id:
        row += f" (entry {found.archive_id})"
    event = _named(found.event) if found.event else None
    if found.difference is Difference.ALTERED:
        what = f"{row} is not as {event} left it: another program changed it"
    elif found.difference is Difference.MISSING:
        what = f"{row} is missing: {event} left it, and another program removed it"
    elif event:
        what = f"{row} was removed by {event}: another program put it back"
    else:
        what = f"{row} is in no event: another program added it"
    return _problem(archive, _KINDS[found.difference], found.archive_id, f"{what}; {_BACKUP}")


def _named(event: Named) -> str:
    return f"event {event.sequence} ({event.kind}, {event.at[:19].replace('T', ' ')} UTC)"


def _problem(archive: Archive, kind: ProblemKind, archive_id: str | None, message: str) -> Problem:
    return Problem(kind=kind, path=CATALOG, archive_id=archive_id, message=f"{archive.root / CATALOG}: {message}")
