"""The texts that an erasure removes wherever they are: serial numbers, paths, file names, operators."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import erasing, search
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.entry import ERASED
from pywats_archive.redaction import spellings

SHORTEST = 3
"""A shorter text would be found in unrelated words, so that it is only erased from the rows of its entry."""
_BEFORE = rb"(?<![0-9A-Za-z])|(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4})|(?<=%[0-9a-f]{2})"
"""What may stand before a text in a log: no letter or digit, unless it belongs to an escape of JSON, repr or a URL."""


class Texts:
    """Texts that are to be erased, as whole words and in any case."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.all = tuple(sorted({each for each in texts if len(each) >= SHORTEST}, key=lambda each: (-len(each), each)))
        self._pattern = _pattern(self.all) if self.all else None

    def scrub(self, value: Any) -> Any:
        """Return a JSON value without the texts; the same object if it has none of them."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self._pattern.sub(ERASED, value) if self._pattern.search(value) else value
        if isinstance(value, dict):
            pairs = {self.scrub(key): self.scrub(each) for key, each in value.items()}
            is_same = len(pairs) == len(value) and all(key in pairs and pairs[key] is value[key] for key in value)
            return value if is_same else pairs
        if isinstance(value, list | tuple):
            items = [self.scrub(each) for each in value]
            return value if all(one is other for one, other in zip(items, value, strict=True)) else items
        return value

    def are_in(self, text: str) -> bool:
        """Whether one of the texts is in a text."""
        return self._pattern is not None and self._pattern.search(text) is not None


def _pattern(texts: Sequence[str]) -> re.Pattern[str]:
    return re.compile(whole_words(re.escape(each) for each in texts), re.IGNORECASE)


def whole_words(escaped: Iterable[str]) -> str:
    """Return the pattern of escaped texts that no letter or digit precedes or follows."""
    return rf"(?<![^\W_])(?:{'|'.join(escaped)})(?![^\W_])"


def in_bytes(texts: Iterable[str]) -> re.Pattern[bytes] | None:
    """Return the pattern of texts in the bytes of a log, in all their spellings; None without a text."""
    every = {
        each.encode("utf-8", "surrogateescape") for text in texts for each in spellings(text) if len(each) >= SHORTEST
    }
    if not every:
        return None
    either = b"|".join(re.escape(each) for each in sorted(every, key=lambda each: (-len(each), each)))
    return re.compile(rb"(?:%s)(?:%s)(?![0-9A-Za-z])" % (_BEFORE, either), re.IGNORECASE)


def texts_of(archive: Archive, archive_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the paths, file names and serial numbers of entries that no other entry has."""
    with archive.read() as db:
        return tuple(dict.fromkeys(_texts(db, archive_ids)))


def _texts(db: Connection, archive_ids: Sequence[str]) -> Iterator[str]:
    mine = frozenset(archive_ids)
    for text in erasing.texts_of(db, archive_ids):
        yield text
        name = search.name_of(text)
        if name != text and mine.issuperset(erasing.with_name(db, name)):
            yield name
