"""Names: those that are free, with a number before the extension, and the last one of a path."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import PurePath, PurePosixPath, PureWindowsPath

from pywats_archive.portable import NAME_MAX_BYTES


def free_names(name: str) -> Iterator[str]:
    """Give ``name``, then ``stem_2.ext``, ``stem_3.ext``, …, each short enough for a file system; without end."""
    pure = PurePath(name)
    yield name if len(os.fsencode(name)) <= NAME_MAX_BYTES else _numbered(pure.stem, pure.suffix)
    for number in itertools.count(2):
        yield _numbered(pure.stem, f"_{number}{pure.suffix}")


def last_part(path: str) -> str:
    """Return the name at the end of a path of either operating system."""
    is_windows_path = (len(path) > 1 and path[1] == ":") or path.startswith("\\\\")
    return PureWindowsPath(path).name if is_windows_path else PurePosixPath(path).name


def _numbered(stem: str, tail: str) -> str:
    room = NAME_MAX_BYTES - len(os.fsencode(tail))
    if room <= 0:
        return _numbered(stem, tail[: tail.index(".")])
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return stem + tail
