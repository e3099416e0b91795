"""The full-text index: errors, file names, serial and part numbers of every entry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from pywats_archive.catalog.driver import execute
from pywats_archive.models.report import Report
from pywats_archive.redaction import redacted

CREATE = (
    'CREATE VIRTUAL TABLE entry_text USING fts5(name, serial, part, error, tokenize = "unicode61 remove_diacritics 0")'
)
"""As the first migration creates the index."""
_INSERT = "INSERT OR REPLACE INTO entry_text(rowid, name, serial, part, error) VALUES (?, ?, ?, ?, ?)"
_UPDATE = (
    "UPDATE entry_text SET serial = ?, part = ?, error = ? "
    "WHERE rowid = (SELECT entry_no FROM archive_entries WHERE archive_id = ?)"
)
_ADD = (
    "UPDATE entry_text SET serial = serial || ' ' || ?, part = part || ' ' || ? "
    "WHERE rowid = (SELECT entry_no FROM archive_entries WHERE archive_id = ?)"
)


def match_expression(text: str) -> str | None:
    """Return an FTS5 query for the words that a person typed: every word must occur, each may be shortened at its end.

    None if there is no word. Punctuation has no meaning of its own: a word with punctuation is found where its pieces are
    side by side.
    """
    words = (word for word in searchable(text).split() if any(map(str.isalnum, word)))
    return " ".join(f'"{_doubled(word)}"*' for word in words) or None


def name_expression(path: str) -> str | None:
    """Return an FTS5 query for the file name at the end of a path; None if it has no word."""
    name = name_of(searchable(path))
    return f'name : "{_doubled(name)}"' if any(map(str.isalnum, name)) else None


def index(tx: Connection, entry_no: int, *, name: str, serial: str = "", part: str = "", error: str = "") -> None:
    """Set the texts that an entry is found by."""
    execute(tx, _INSERT, (entry_no, searchable(name), searchable(serial), searchable(part), searchable(error)))


def index_again(tx: Connection, archive_id: str, *, serial: str, part: str, error: str) -> None:
    """Set the texts that an indexed entry is found by, except its name."""
    execute(tx, _UPDATE, (searchable(serial), searchable(part), searchable(error), archive_id))


def index_more(tx: Connection, archive_id: str, *, serial: str, part: str) -> None:
    """Let an indexed entry be found by the numbers of one more report, too."""
    execute(tx, _ADD, (searchable(serial), searchable(part), archive_id))


def texts(error: str | None, warnings: Sequence[str], reports: Sequence[Report]) -> dict[str, str]:
    """Return the texts that an entry is found by, except its name."""
    return {
        "serial": " ".join(r.serial_number for r in reports if r.serial_number),
        "part": " ".join(sorted({r.part_number for r in reports if r.part_number})),
        "error": joined((error, *warnings)),
    }


def joined(messages: Iterable[str | None]) -> str:
    """Return the error and the warnings of an entry as one text, without secrets."""
    text = "\n".join(filter(None, messages))
    return redacted(text) if text else ""


def name_of(path: str) -> str:
    """Return the file name at the end of a path of either operating system."""
    return path.replace("\\", "/").rpartition("/")[2]


def searchable(text: str) -> str:
    """Return ``text`` as the index holds it: characters that no database can hold separate words."""
    proper = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return proper.replace("\0", " ")


def _doubled(word: str) -> str:
    return word.replace('"', '""')
