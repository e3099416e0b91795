"""Finds entries by a part of their id, a serial number, a file name or a path."""

from __future__ import annotations

import os
import re
from pathlib import PurePath

from sqlalchemy import Connection

from pywats_archive.catalog import search
from pywats_archive.catalog.column_types import path_to_text
from pywats_archive.catalog.driver import rows

_NEWEST = "SELECT archive_id FROM archive_entries WHERE {} ORDER BY entry_no DESC LIMIT ?"
_BY_SERIAL = _NEWEST.format("archive_id IN (SELECT archive_id FROM reports WHERE serial_number = ?)")
_BY_PATH = _NEWEST.format("source_path = ?")
_BY_NAME = (
    "SELECT archive_id FROM entry_text CROSS JOIN archive_entries ON entry_no = entry_text.rowid "
    "WHERE entry_text MATCH ? AND (source_path LIKE ? ESCAPE '!' OR source_path LIKE ? ESCAPE '!') "
    "ORDER BY entry_text.rowid DESC LIMIT ?"
)
_BY_END = _NEWEST.format("substr(archive_id, 19) = ?")
_BY_BEGINNING = (
    "SELECT archive_id FROM archive_entries WHERE archive_id >= ? AND archive_id < ? ORDER BY archive_id DESC LIMIT ?"
)
_IS_END = re.compile(r"_?[0-9a-f]{6}")
_IS_BEGINNING = re.compile(r"\d{4,17}(_[0-9a-f]{0,6})?")
_LIKE = str.maketrans({"%": "!%", "_": "!_", "!": "!!"})


def ids_of(db: Connection, text: str, *, limit: int) -> tuple[str, ...]:
    """Return the ids of the entries that ``text`` names, the newest first; empty if it names none.

    The first of these that an entry has decides: an id, a serial number, a path, a file name, the part of an id after ``_``,
    the beginning of an id (four digits or more).
    """
    found = _ids(db, _NEWEST.format("archive_id = ?"), text, limit) or _ids(db, _BY_SERIAL, text, limit)
    found = found or _ids(db, _BY_PATH, path_to_text(os.path.abspath(text)), limit)  # noqa: PTH100 (keeps links)
    if not found and PurePath(text).name == text and (match := search.match_expression(text)):
        endings = (f"%/{text.translate(_LIKE)}", f"%\\{text.translate(_LIKE)}")
        found = tuple(name for (name,) in rows(db, _BY_NAME, (f"name : ({match})", *endings, limit)))
    if not found and _IS_END.fullmatch(text):
        found = _ids(db, _BY_END, text.removeprefix("_"), limit)
    if not found and _IS_BEGINNING.fullmatch(text):
        found = tuple(name for (name,) in rows(db, _BY_BEGINNING, (text, f"{text}~", limit)))
    return found


def _ids(db: Connection, sql: str, value: str, limit: int) -> tuple[str, ...]:
    return tuple(name for (name,) in rows(db, sql, (value, limit)))
