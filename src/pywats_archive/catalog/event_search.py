"""Finds events by kind, entry and time, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import moment_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.event_stream import Conditions, asked_kinds, newest, of_any_kind
from pywats_archive.catalog.events import SELECT, event_of
from pywats_archive.catalog.tables import FREQUENT_KINDS, IS_RARE, ROWS
from pywats_archive.models.event import Event, EventFilter
from pywats_archive.models.time import as_utc

_AT_ONCE = 100_000
_NEXT_KIND = f"SELECT min(kind) FROM events INDEXED BY idx_event_rare WHERE {IS_RARE} AND kind > ?"
_IS_RARE_KIND = f"INDEXED BY idx_event_rare WHERE {IS_RARE} AND kind = ?"
_OLDER = "SELECT max(at) < ? FROM events WHERE sequence > ? AND sequence <= ?"


class _Span(NamedTuple):
    """The events behind the number ``after``, up to ``upto``."""

    after: int
    upto: int


def matching(db: Connection, wanted: EventFilter, *, after: int, upto: int, limit: int) -> tuple[Event, ...]:
    """Return the newest events that match, oldest first: behind the number ``after``, up to ``upto``.

    Those of an entry, and those of kinds that few entries have, are found by an index. Others are read backwards; with
    ``since``, until ``_AT_ONCE`` events in a row are older, since a clock that was wrong may have dated a few too early.
    Events that only bind rows are left out unless they are asked for.
    """
    span, since = _Span(after, upto), None if wanted.since is None else moment_to_text(as_utc(wanted.since))
    asked, beside = asked_kinds(wanted), tuple(of_any_kind(wanted))
    kinds = _kinds(db, asked)
    if wanted.archive_id is None and asked and not set(kinds) & set(FREQUENT_KINDS):
        found = [row for kind in kinds for row in _rows(db, f"{_IS_RARE_KIND} AND", [kind], span, beside, limit)]
    elif wanted.needs_scan:
        return newest(db, wanted, after=after, upto=upto, limit=limit)
    else:
        where = f"WHERE kind IN ({', '.join('?' * len(kinds))}) AND" if wanted.kinds else f"WHERE kind <> '{ROWS}' AND"
        is_whole = since is None or wanted.archive_id is not None
        found = []
        for part in (span,) if is_whole else _backwards(span):
            found += _rows(db, where, kinds, part, beside, limit - len(found))
            if len(found) == limit or (not is_whole and _is_older(db, part, str(since))):
                break
    return tuple(map(event_of, sorted(found)[-limit:]))


def _rows(
    db: Connection, where: str, kinds: Sequence[str], span: _Span, beside: Sequence[Conditions], limit: int
) -> list[Any]:
    conditions = " AND ".join(["sequence > ? AND sequence <= ?", *(condition for condition, _ in beside)])
    values = (*kinds, *span, *chain.from_iterable(each for _, each in beside), limit)
    return execute(db, f"{SELECT} {where} {conditions} ORDER BY sequence DESC LIMIT ?", values).fetchall()


def _backwards(span: _Span) -> Sequence[_Span]:
    """Return the parts of a span, the newest first."""
    return [_Span(max(end - _AT_ONCE, span.after), end) for end in range(span.upto, span.after, -_AT_ONCE)]


def _is_older(db: Connection, span: _Span, since: str) -> bool:
    return bool(execute(db, _OLDER, (since, *span)).fetchone()[0])


def _kinds(db: Connection, wanted: Sequence[str]) -> list[str]:
    """Return the kinds that there are and that ``wanted`` names, or the beginnings of; each costs one lookup."""
    known, last = set(FREQUENT_KINDS) if wanted else set[str](), ""
    while wanted and (kind := execute(db, _NEXT_KIND, (last,)).fetchone()[0]):
        known.add(last := kind)
    return sorted(kind for kind in known if any(kind == name or kind.startswith(f"{name}.") for name in wanted))
