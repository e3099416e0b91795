"""Compares the full-text index with the rows of entries and reports, and checks its structure."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import search
from pywats_archive.catalog.column_types import text_to_path
from pywats_archive.catalog.driver import execute, rows

_PAGE = 500
_ENTRIES = (
    "SELECT entry_no, archive_id, source_path, conversion_error, warnings, report_archived_path, report_count, "
    "serial_number, part_number, c0, c1, c2, c3 FROM archive_entries LEFT JOIN entry_text_content ON id = entry_no "
    f"WHERE entry_no > ? ORDER BY entry_no LIMIT {_PAGE}"
)
_REPORT = "archived_path, conversion_id, serial_number, part_number"
_REPORTS = f"SELECT {_REPORT} FROM reports WHERE archive_id = ? ORDER BY report_no"
_STRAY = "SELECT id FROM entry_text_content WHERE NOT EXISTS (SELECT 1 FROM archive_entries WHERE entry_no = id)"
_TABLES = "SELECT name, sql FROM sqlite_master WHERE name LIKE 'entry!_text%' ESCAPE '!'"
_SHADOWS = {"data": 2, "idx": 3, "content": 5, "docsize": 2, "config": 2}
"""The tables of the index and the number of their columns (sqlite.org/fts5, "FTS5 Data Structures")."""
_CHECK = "INSERT INTO entry_text(entry_text) VALUES ('integrity-check')"
_LONE = re.compile(r"\\ud[89a-f][0-9a-f]{2}")
"""A lone surrogate as columns hold it; the index has a question mark instead."""


def has_its_form(db: Connection) -> bool:
    """Whether the index is there, with the columns and the rules for words of this version."""
    found = dict(execute(db, _TABLES).fetchall())
    return found.get("entry_text") == search.CREATE and all(f"entry_text_{name}" in found for name in _SHADOWS)


def other_texts(db: Connection) -> Iterator[str]:
    """Stream the ids of entries whose searchable texts are not those of the entry and its reports; a page is in memory."""
    after = -(2**63)
    while page := rows(db, _ENTRIES, (after,)):
        for row in page:
            if not _is_sound(db, row):
                yield str(row[1])
        after = page[-1][0]


def of_no_entry(db: Connection) -> Iterator[int]:
    """Stream the numbers of searchable texts that belong to no entry."""
    for (number,) in execute(db, _STRAY):
        yield number


def fits_its_texts(db: Connection) -> bool:
    """Whether the index finds its texts by their words, as SQLite's own check says.

    The check is a statement that writes, so it runs on a copy of the index in a temporary file, which SQLite removes.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as copy:
        for prepare in ("PRAGMA cache_size = -32000", "PRAGMA journal_mode = OFF", "BEGIN", search.CREATE):
            copy.execute(prepare)
        for name, width in _SHADOWS.items():
            copy.execute(f"DELETE FROM entry_text_{name}")
            found = execute(db, f"SELECT * FROM entry_text_{name}")
            copy.executemany(f"INSERT INTO entry_text_{name} VALUES ({', '.join('?' * width)})", found)
        try:
            copy.execute(_CHECK)
        except sqlite3.DatabaseError:
            return False
    return True


def _is_sound(db: Connection, row: Sequence[Any]) -> bool:
    _, archive_id, path, error, warnings, first, count, serial, part, *texts = row
    if not all(isinstance(text, str) for text in texts):
        return False
    try:
        name = search.name_of(text_to_path(path))
        messages = (error, *(json.loads(warnings) if warnings else ()))
        expected = (search.searchable(name), _plain(search.joined(messages)))
    except (ValueError, TypeError, AttributeError, RecursionError):  # altered, which the check of the rows finds
        return False
    found = (texts[0], _plain(search.joined((texts[3],))))  # a secret may have become known since it was indexed
    if expected != found:
        return False
    shown = count if isinstance(count, int) else 0
    if shown <= 1 and _have_same_words(texts[1], serial) and _have_same_words(texts[2], part):
        return True
    indexed = (_words(texts[1]), _words(texts[2]))
    return indexed in _shown(rows(db, _REPORTS, (archive_id,)), first, shown)


def _shown(reports: Sequence[Any], first: str | None, count: int) -> Iterator[tuple[set[str], set[str]]]:
    """Stream the words of the reports that an entry may show: those from its first one on, of one conversion, or all."""
    place = next((n for n, report in enumerate(reports) if report[0] == first), None)
    yield _words_of(reports[place : place + count] if place is not None else ())
    if place is not None:
        yield _words_of([report for report in reports if report[1] == reports[place][1]])
    yield _words_of(reports)


def _words_of(reports: Sequence[Any]) -> tuple[set[str], set[str]]:
    return set().union(*(_words(each[2]) for each in reports)), set().union(*(_words(each[3]) for each in reports))


def _have_same_words(indexed: str, text: Any) -> bool:
    return indexed == text or _words(indexed) == _words(text)


def _words(text: Any) -> set[str]:
    return set(_plain(text).split()) if isinstance(text, str) else set()


def _plain(text: str) -> str:
    plain = search.searchable(text)
    return _LONE.sub("?", plain) if "\\ud" in plain else plain
