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
_MOST_JOINERS = 3
"""So many ``-``, ``.`` and ``_`` in a row join what is before and after them."""
_ESCAPES = rb"(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4})|(?<=%[0-9a-f]{2})"
"""The ends of escapes of JSON, repr and URLs: their letters and digits belong to no word."""


class Texts:
    """Texts that are to be erased, as whole words and in any case: ``A-100`` stays in ``A-100-2``, which is another number."""

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
        """Whether one of the texts is in a text, joined to another word or not."""
        either = "|".join(map(re.escape, self.all))
        return bool(either) and re.search(rf"(?<![^\W_])(?:{either})(?![^\W_])", text, re.IGNORECASE) is not None


def _pattern(texts: Sequence[str]) -> re.Pattern[str]:
    return re.compile(whole_words(map(re.escape, texts)), re.IGNORECASE)


def whole_words(escaped: Iterable[str], *, joiners: str = "-._", extensions: int = 2) -> str:
    """Return the pattern of escaped texts that no letter or digit precedes or follows, nor one after ``joiners``.

    As many ``extensions`` may follow, such as ``.csv``: they begin with a letter, so that the end of ``A-100.2`` is none.
    """
    before = "".join(rf"(?<![^\W_][{joiners}]{{{number}}})" for number in range(_MOST_JOINERS + 1))
    after = rf"(?=(?:\.[^\W\d_][^\W_]{{1,4}}){{0,{extensions}}}(?![{joiners}]*[^\W_]))"
    return rf"{before}(?:{'|'.join(escaped)}){after}"


def in_bytes(texts: Iterable[str], *, even_joined: bool = False) -> re.Pattern[bytes] | None:
    """Return the pattern of texts in the bytes of a log, in all their spellings; None without a text.

    As in ``whole_words``, unless they may be joined to another word.
    """
    every = {
        each.encode("utf-8", "surrogateescape") for text in texts for each in spellings(text) if len(each) >= SHORTEST
    }
    if not every:
        return None
    either = b"|".join(re.escape(each) for each in sorted(every, key=lambda each: (-len(each), each)))
    most = 0 if even_joined else _MOST_JOINERS
    before = b"".join(rb"(?<![0-9A-Za-z][-._]{%d})" % number for number in range(most + 1))
    joined = rb"(?=(?:\.[A-Za-z][0-9A-Za-z]{1,4}){0,2}(?![-._]*[0-9A-Za-z]))"
    after = rb"(?![0-9A-Za-z])" if even_joined else joined
    return re.compile(rb"(?:%s|%s)(?:%s)%s" % (before, _ESCAPES, either, after), re.IGNORECASE)


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
