"""A filter of entries as SQL conditions on the index; they mean what they mean at a station."""

from __future__ import annotations

import fnmatch
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pywats_archive.errors import UsageError
from pywats_archive.models.ids import is_archive_id
from pywats_archive.models.plant.entry import PlantFilter
from pywats_archive.models.query import SortKey
from pywats_archive.models.time import end_of, start_of
from pywats_archive.plant.manifest import Manifest
from pywats_archive.plant.rows import folded, has_moment, microseconds, milliseconds

_BY_REPORT = "(chain, archived, tail) IN (SELECT chain, archived, tail FROM reports WHERE {})"
_ESCAPED = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_", "*": "%", "?": "_"})
"""From the wildcards that WATS has to those of LIKE."""
_OF_WORDS = r"\pL\pN\p{Co}\p{Mn}"
"""What words consist of: as FTS5 has it at a station (sqlite.org/fts5, "Unicode61 Tokenizer"), as RE2 writes it."""
_BY_SHOWN_REPORT = (
    "(chain, archived, tail) IN (SELECT r.chain, r.archived, r.tail FROM reports r JOIN entries e ON "
    "(r.chain, r.archived, r.tail) = (e.chain, e.archived, e.tail) AND r.copy BETWEEN e.first_copy AND "
    "e.first_copy + e.reports - 1 WHERE {})"
)
"""For what the words of a station are: the reports of the conversion that the entry shows."""
_TEXTS = ("name", "error", "warnings")
_ORDERS = {
    SortKey.TIME: ("converted", "archived", "tail"),
    SortKey.SERIAL: ("serial", "archived", "tail"),
    SortKey.SIZE: ("size", "archived", "tail"),
    SortKey.DURATION: ("duration", "archived", "tail"),
    SortKey.RESULT: ("result", "converted", "archived", "tail"),
}
_BY_ARRIVAL = ("archived", "tail")
_TEXT_COLUMNS = ("serial", "result")
_MAY_LACK = ("serial", "duration", "result")
_LONGEST_POSITION = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """What the rows of ``entries`` must meet."""

    where: str
    values: Sequence[Any]


def conditions(wanted: PlantFilter, manifest: Manifest) -> Conditions:
    """Return the conditions of a filter."""
    asked = list(_asked(wanted, manifest))
    where = " AND ".join(condition for condition, _ in asked) or "true"
    return Conditions(where=where, values=[value for _, values in asked for value in values])


def order_of(wanted: PlantFilter) -> tuple[str, ...]:
    """Return the columns of the order that is asked for; with a text, time means the moment of archiving, as at a station."""
    by_text = wanted.text is not None and wanted.sort is SortKey.TIME
    return (*(_BY_ARRIVAL if by_text else _ORDERS[wanted.sort]), "chain")


def order_sql(wanted: PlantFilter) -> str:
    """Return the order that is asked for; only the first column may lack a value, and such rows come last."""
    direction = "DESC" if wanted.newest_first else "ASC"
    return "ORDER BY " + ", ".join(f"{name} {direction} NULLS LAST" for name in order_of(wanted))


def beyond(wanted: PlantFilter, after: str) -> Conditions:
    """Return the condition of the rows behind a position, which ``position_of`` wrote; UsageError if it is none."""
    first, *others = order_of(wanted)
    value, *rest = _position(after, (first, *others))
    sign = "<" if wanted.newest_first else ">"
    tied = f"({', '.join(others)}) {sign} ({', '.join('?' * len(others))})"
    if value is None:
        return Conditions(where=f"{first} IS NULL AND {tied}", values=rest)
    where = f"({first} {sign} ? OR {first} IS NULL OR ({first} = ? AND {tied}))"
    return Conditions(where=where, values=[value, value, *rest])


def position_of(wanted: PlantFilter, row: Mapping[str, Any]) -> str:
    """Return the position of a row in the order that is asked for, as text."""
    return json.dumps([row[name] for name in order_of(wanted)], separators=(",", ":"))


def _position(text: str, columns: Sequence[str]) -> Sequence[Any]:
    try:
        found = json.loads(text) if len(text) <= _LONGEST_POSITION else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) != len(columns) or not all(map(_fits, columns, found)):
        raise UsageError(f"after = {text[:80]!r}: is no position in this order; begin at the first page")
    return found


def _fits(column: str, value: object) -> bool:
    if value is None:
        return column in _MAY_LACK
    if column in _TEXT_COLUMNS:
        return isinstance(value, str)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _asked(wanted: PlantFilter, manifest: Manifest) -> Iterator[tuple[str, Sequence[Any]]]:
    yield from _of_columns(wanted)
    yield from _of_reports(wanted)
    if wanted.station is not None:
        numbers = ", ".join(str(each) for each in _chains(wanted.station, manifest))
        yield f"chain IN ({numbers})" if numbers else "false", []
    if wanted.archive_ids is not None:
        yield _ids(wanted.archive_ids)
    if wanted.error is not None:
        pattern = f"%{wanted.error.translate(_ESCAPED)}%"
        either = "error ILIKE ? ESCAPE '\\' OR warnings ILIKE ? ESCAPE '\\'"
        yield f"({either})", [pattern, pattern]
    for column, is_wanted in (("warnings", wanted.warned), ("purged", wanted.purged)):
        if is_wanted is not None:
            yield f"{column} IS {'NOT ' if is_wanted else ''}NULL", []
    if wanted.text is not None:
        yield from _words(wanted.text)


def _of_columns(wanted: PlantFilter) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield the conditions on one column of an entry."""
    for condition, value in (
        ("converted >= ?", wanted.from_date and microseconds(start_of(wanted.from_date))),
        ("converted <= ?", wanted.to_date and microseconds(end_of(wanted.to_date))),
        ("converter = ?", wanted.converter_name),
        ("status = ?", wanted.status and wanted.status.value),
        ("result = ?", wanted.result and wanted.result.value),
        ("status = 'FAILED' AND reason = ?", wanted.failure_reason),
        ("tail = ?", wanted.id_tail and int(wanted.id_tail, 16)),
    ):
        if value is not None:
            yield condition, [value]


def _of_reports(wanted: PlantFilter) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield the conditions that any report of an entry must meet."""
    for column, value in (
        ("serial", wanted.serial_number and folded(wanted.serial_number)),
        ("part", wanted.part_number and folded(wanted.part_number)),
    ):
        if value is not None:
            condition, found = _like(column, value)
            yield _BY_REPORT.format(condition), [found]
    if wanted.process is not None:
        yield _BY_REPORT.format("process ILIKE ? ESCAPE '\\'"), [wanted.process.translate(_ESCAPED)]
    if wanted.submission is not None:
        yield _BY_REPORT.format("submission = ?"), [wanted.submission.value]


def _chains(station: str, manifest: Manifest) -> Iterator[int]:
    """Yield the numbers of all histories of the archives that are named: by their uuid, by a station, or as the uuid begins.

    A uuid goes first, since any station may call itself so. A name goes before the beginning of a uuid: "a" may be both.
    """
    text = station.lower()
    pattern = text.replace("[", "[[]")
    for is_named in (
        lambda each: each.archive_uuid.lower() == text,
        lambda each: fnmatch.fnmatchcase(each.station.lower(), pattern),
        lambda each: bool(text) and each.archive_uuid.lower().startswith(text),
    ):
        own = {each.archive for each in manifest.chains if is_named(each)}
        if own:
            return (each.number for each in manifest.chains if each.archive in own)
    return iter(())


def _ids(archive_ids: Sequence[str]) -> tuple[str, Sequence[Any]]:
    known = [each for each in archive_ids if is_archive_id(each) and has_moment(each)]
    if not known:
        return "false", []
    values = ", ".join(f"({milliseconds(each)}, {int(each[18:], 16)})" for each in known)
    return (
        f"archived IN ({', '.join(str(milliseconds(each)) for each in known)}) AND (archived, tail) IN ({values})",
        [],
    )


def _like(column: str, value: str) -> tuple[str, str]:
    """Return the condition for a text with wildcards; without one, DuckDB leaves out row groups by their range."""
    if not any(wildcard in value for wildcard in "*?"):
        return f"{column} = ?", value
    return f"{column} LIKE ? ESCAPE '\\'", value.translate(_ESCAPED)


def _words(text: str) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield a condition for each word: it must occur, and may be shortened at its end."""
    words = [pieces for word in text.split() if (pieces := _pieces(word))]
    if not words:
        yield "false", []
    for pieces in words:
        joined = f"[^{_OF_WORDS}]+".join(map(re.escape, pieces))
        pattern = f"(?i)(?:^|[^{_OF_WORDS}]){joined}"
        guard, part = _guard(pieces)
        own = " OR ".join(f"({guard.format(column)}regexp_matches({column}, ?))" for column in _TEXTS)
        numbers = " OR ".join(
            f"({guard.format(column)}regexp_matches({column}, ?))" for column in ("r.serial", "r.part")
        )
        yield f"({own} OR {_BY_SHOWN_REPORT.format(numbers)})", [*part, pattern] * (len(_TEXTS) + 2)


def _guard(pieces: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return a condition that is quicker than a pattern, and that every text meets in which the pattern occurs."""
    longest = max(filter(str.isascii, pieces), key=len, default="")
    return ("contains(lower({}), ?) AND ", [longest.lower()]) if longest else ("", [])


def _pieces(word: str) -> list[str]:
    """Return the parts of a word between punctuation."""
    apart = "".join(each if _is_of_word(each) else " " for each in word)
    return apart.split() if any(map(str.isalnum, word)) else []


def _is_of_word(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LN" or category in ("Co", "Mn")
