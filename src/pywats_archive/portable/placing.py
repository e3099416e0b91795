"""Names that are free: the wanted one first, then the same with a number before its extension."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import PurePath

from pywats_archive.portable.files import NAME_MAX_BYTES


def free_names(name: str) -> Iterator[str]:
    """Give ``name``, then ``stem_2.ext``, ``stem_3.ext``, …, each short enough for a file system; without end."""
    pure = PurePath(name)
    yield name if len(os.fsencode(name)) <= NAME_MAX_BYTES else _numbered(pure.stem, pure.suffix)
    for number in itertools.count(2):
        yield _numbered(pure.stem, f"_{number}{pure.suffix}")


def _numbered(stem: str, tail: str) -> str:
    room = NAME_MAX_BYTES - len(os.fsencode(tail))
    if room <= 0:
        return _numbered(stem, tail[: tail.index(".")])
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return stem + tail
