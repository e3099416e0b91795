"""The full-text index: errors, file names, serial and part numbers of every entry."""

from __future__ import annotations

import re

from pywats_archive.catalog.driver import Transaction

_WORD = re.compile(r"\w+(?:[^\w\s]+\w+)*")
_INSERT = "INSERT OR REPLACE INTO entry_text(rowid, name, serial, part, error) VALUES (?, ?, ?, ?, ?)"


def match_expression(text: str) -> str | None:
    """Turn what a person typed into an FTS5 query: every word must occur, the end of each may be missing.

    None when there is no word in it. Punctuation has no meaning of its own.
    """
    words = _WORD.findall(text)
    return (
        " ".join(f'"{word}"*' for word in words if '"' not in word)
        or " ".join(f'"{piece}"*' for piece in re.findall(r"\w+", text))
        or None
    )


def index(tx: Transaction, entry_no: int, *, name: str, serial: str = "", part: str = "", error: str = "") -> None:
    """Set what an entry is found by."""
    row = (entry_no, *(_searchable(text) for text in (name, serial, part, error)))
    tx.execute(_INSERT, row)


def _searchable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
