"""Listing a watch folder: which of its items are sources of a converter."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pywats_archive.archive.folder.watch_owner import LOCK_SUFFIX, OWNER_SUFFIX
from pywats_archive.archive.sources import leaving, reading
from pywats_archive.config import ConverterConfig
from pywats_archive.errors import SourceVanished, StorageError
from pywats_archive.models.file_stamp import FileStamp

_DEFAULT_FILES = "*.*"
"""pyWATS' default for files: the converter's own patterns apply then. It matches every file, with or without a dot."""
_NOTHING = "(?!)"
_NOT_OURS = rf"(?!\..*(?:{re.escape(LOCK_SUFFIX)}|{re.escape(OWNER_SUFFIX)})\Z|{leaving.PATTERN}\Z)"
"""Excludes sources that are leaving, and the lock files of watch folders, which may lie in another watch folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """What lies in a watch folder."""

    sources: dict[str, FileStamp]
    """The sources, by path."""
    strange: tuple[str, ...] = ()
    """The paths of items that are never opened."""
    leaving: tuple[str, ...] = ()
    """Private paths of sources that are leaving, or that a crash left so."""


class SourceListing:
    """Finds the sources of one converter in its watch folder; safe to use from many threads.

    ``spared``: normalized names in the watch folder that are never sources, because the station needs them.
    """

    def __init__(self, config: ConverterConfig, *, spared: frozenset[str] = frozenset()) -> None:
        self._config = config
        self._spared = spared
        self._is_folder = config.converter_type == "folder"
        self.own_patterns: tuple[str, ...] = ()
        """The patterns that the converter's code declares; empty until it is loaded."""

    def for_lane(self, config: ConverterConfig) -> SourceListing:
        """Return a listing of the same folder by another configuration."""
        return SourceListing(config, spared=self._spared)

    def read(self) -> Listed:
        """List the folder; OSError when it cannot be read."""
        found: dict[str, FileStamp] = {}
        strange: list[str] = []
        left: list[str] = []
        for item in self._items():
            try:
                if leaving.is_private(item.name):
                    left.append(item.path)
                    continue
                mode = item.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode) if self._is_folder else stat.S_ISREG(mode):
                    found[item.path] = self._stamp(item)
                elif not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
                    strange.append(item.path)
            except (FileNotFoundError, SourceVanished):
                continue
            except (OSError, StorageError):  # concerns only this item
                strange.append(item.path)
        return Listed(sources=found, strange=tuple(strange), leaving=tuple(left))

    def matches(self, path: str) -> bool:
        """Whether a pattern matches a source's name; until the code is loaded, only the configured patterns count."""
        return self.matcher()(path)

    def matcher(self) -> Callable[[str], bool]:
        """Return ``matches`` as a function that is fast for many paths."""
        match, name_of = self._matching().match, os.path.basename  # strings, as in a listing
        return lambda path: match(name_of(path).lower()) is not None and not self.is_spared(path)

    def is_spared(self, path: str) -> bool:
        """Whether the station itself needs the file at ``path``, so that it is not a source."""
        return os.path.normcase(os.path.basename(path)) in self._spared  # noqa: PTH119 (as above)

    def _items(self) -> Iterator[os.DirEntry[str]]:
        matches, spared = self._matching().match, self._spared
        with os.scandir(self._config.watch_folder) as items:
            for item in items:
                if matches(item.name.lower()):
                    if not (spared and os.path.normcase(item.name) in spared):
                        yield item
                elif leaving.is_private(item.name):
                    yield item

    def _matching(self) -> re.Pattern[str]:
        return _compiled(self._patterns())

    def _patterns(self) -> tuple[str, ...]:
        """The configured patterns, or the converter's own where the configured ones are pyWATS' default."""
        if self._is_folder:
            configured, default = self._config.folder_patterns, "*"
        else:
            configured, default = self._config.file_patterns, _DEFAULT_FILES
        is_default = self.own_patterns and all(pattern == default for pattern in configured)
        chosen = self.own_patterns if is_default else configured
        return tuple("*" if pattern == _DEFAULT_FILES else pattern for pattern in chosen)

    def _stamp(self, item: os.DirEntry[str]) -> FileStamp:
        if self._is_folder:
            try:
                return reading.stamp_of(Path(item.path))
            except PermissionError:  # the folder is a source; the error is reported when it is archived
                pass
        return reading.file_stamp(item.stat(follow_symlinks=False))


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    wanted = "|".join(fnmatch.translate(pattern.lower()) for pattern in patterns) or _NOTHING
    return re.compile(f"{_NOT_OURS}(?:{wanted})")
