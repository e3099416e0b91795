"""Whether a file name or a message names a text, or only has it within a longer word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pywats_archive.archive.erasing.texts import whole_words
from pywats_archive.catalog import erasing
from pywats_archive.catalog.engine import Connection
from pywats_archive.catalog.search import name_of

_EXTENSION = re.compile(r"\.[^\W\d_][^\W_]{1,4}\Z")
"""An extension as ``.csv``: a letter first, so that the end of ``A-100.2`` is none."""


def named(db: Connection, text: str, *, is_serial: bool) -> Iterator[tuple[str, bool]]:
    """Stream the entries that have a text in file name, error or warnings, each with whether the file name names the text.

    With ``is_serial``, an entry with serial numbers of its own, all of them others, is never named by its file name.
    """
    for entry in erasing.with_words(db, text):
        name = name_of(entry.name)
        in_name = is_word(text, name) or is_word(text, _EXTENSION.sub("", name))
        is_others = is_serial and bool(entry.serials) and text.casefold() not in map(str.casefold, entry.serials)
        if in_name or not is_others or is_word(text, entry.message):
            yield entry.archive_id, in_name and not is_others


def is_word(text: str, within: str) -> bool:
    """Whether a text is in another one, and no longer word has it: ``-``, ``.``, ``_`` and ``/`` join letters and digits."""
    pattern = whole_words([re.escape(text)], joiners="-._/", extensions=0)
    return re.search(pattern, within, re.IGNORECASE) is not None
