"""One converter at work: its configuration, its archive if it has one, and what it watches."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pywats_archive.archive import sources
from pywats_archive.archive.claiming import LOCK_SUFFIX, OWNER_SUFFIX
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import Signature
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.errors import (
    ArchiveError,
    ConverterUnavailable,
    FolderAway,
    SourceVanished,
    StorageError,
    WorkersUnavailable,
)
from pywats_archive.host.job import ConversionJob, ConverterDescription
from pywats_archive.host.secrets import redact
from pywats_archive.models.arrival import Arrival
from pywats_archive.pipeline import identity
from pywats_archive.pipeline.books import Books
from pywats_archive.pipeline.room import Room
from pywats_archive.pipeline.stability import Stability
from pywats_archive.pipeline.watchfolder import WatchFolder

LOOK_AGAIN_EVERY_S = 10.0
"""Between two tries to load a converter's code."""
_REST = 10
"""How many times as long as a try took at least: one that hangs must not keep others from the processes."""
_DEFAULT_FILES = "*.*"
"""What pyWATS writes when nobody chose: the converter's own patterns hold then. It means all files, with a dot or not."""

_NOTHING = "(?!)"
_NO_LOCK = rf"(?!\..*(?:{re.escape(LOCK_SUFFIX)}|{re.escape(OWNER_SUFFIX)})\Z)"
"""Locks of watch folders, which may lie in another one."""

Mark = tuple[int, int]
"""Size and mtime (ns) of a source, by which it is known again at its path."""


@dataclass(kw_only=True, eq=False)
class Line:
    """A converter's line of work; what is mutable belongs to the service's own thread, but for ``active``
    and ``stale``."""

    config: ConverterConfig
    job: ConversionJob
    """The template of every conversion; the source's path is filled in."""
    description: ConverterDescription | None
    """None until the converter's code could be loaded."""
    books: Books
    unavailable: ConverterUnavailable | None = None
    """Why its code cannot be loaded now: its sources wait. Set from any thread."""
    is_available_again: bool = False
    """Whether its code could be loaded again, and nobody has taken note yet."""
    look_again_s: float = 0.0
    """When it is tried to load its code again, by a monotonic clock."""
    archive: Archive | None = None
    interceptor: ArchiveInterceptor | None = None
    root: Path | None = None
    """The archive's folder, whether it is there or not."""
    away: ArchiveError | None = None
    """Why its archive is not there, or not open; there is no ``archive`` once all that was begun has ended."""
    is_waiting: bool = False
    """Nothing more is begun: its archive is about to be closed or opened."""
    formers: tuple[Line, ...] = ()
    """Its lines with the archives that it used before, as long as those have something to bring to its end."""
    is_unasked: bool = False
    """Its archive was away when it was to be asked for such."""
    is_finishing: bool = False
    """It is such a one: it takes nothing new."""
    sharers: tuple[Line, ...] = ()
    """All lines that watch its folder, itself among them, in the order in which they come; none when it is the only one."""
    left: dict[str, Mark] = field(default_factory=dict)
    """What is not taken as long as it lies there so: an archive used before has it in hand, or has left it there."""
    room: Room | None = None
    folder: WatchFolder | None = None
    spared: frozenset[str] = frozenset()
    """Names in the watch folder, in normal case, that are never sources: the station needs what they are or hold."""
    is_folder_away: bool = False
    busy: int = 0
    """How much of its work is queued or going on; guarded by the service."""
    known: dict[str, Arrival] = field(default_factory=dict)
    """The latest arrival at each path that lies in the watch folder."""
    active: set[int] = field(default_factory=set)
    """Arrivals that are queued or being handled."""
    were_active: frozenset[int] = frozenset()
    """Those that were so when the scan that is going on began."""
    owed: set[int] = field(default_factory=set)
    """Arrivals that were converted while the archive failed; they are archived later."""
    pending: set[int] = field(default_factory=set)
    """Arrivals that lay in the watch folder at the last scan and were not taken yet."""
    stale: deque[str] = field(default_factory=deque)
    """Paths whose arrival has changed since ``known`` was filled."""
    archived: deque[Arrival] = field(default_factory=deque)
    """Arrivals as they were archived, and are not ``known`` yet; from any thread."""
    stability: Stability = field(init=False)
    is_dirty: bool = True
    """Whether the folder may differ from the last scan."""
    next_scan_s: float = 0.0
    changed: set[str] = field(default_factory=set)
    """Paths of sources that changed while they were converted: when it happens again, it is the converter's doing."""
    reported: set[str] = field(default_factory=set)
    """What was complained of once."""
    repeated: set[str] = field(default_factory=set)
    """Paths of sources that were seen where others had been: their bytes are compared with theirs."""
    written: dict[str, float] = field(default_factory=dict)
    """Paths of sources that a program has open for writing, and since when, by a monotonic clock; changed from any thread."""

    def __post_init__(self) -> None:
        self.stability = Stability(settle_s=self.config.settle_seconds, empty_s=self.config.empty_seconds)

    def stop_for(self, reason: str, *, took_s: float = 0.0) -> ConverterUnavailable:
        """Let its sources wait, because its converter's code cannot be loaded; gives the error that says so."""
        self.look_again_s = time.monotonic() + max(LOOK_AGAIN_EVERY_S, _REST * took_s)
        self.unavailable = ConverterUnavailable(redact(reason, self.config.arguments, None))
        return self.unavailable

    def told(self, words: object) -> str:
        """Return what its converter said without the values of secret arguments; of all where none is known to be plain."""
        return redact(
            str(words), self.config.arguments, self.description.info.password_arguments if self.description else None
        )

    def wait_for_workers(self, trouble: WorkersUnavailable) -> None:
        """Let its sources wait, because there is no process that could load its converter's code."""
        self.look_again_s = time.monotonic() + LOOK_AGAIN_EVERY_S
        self.unavailable = trouble

    @property
    def name(self) -> str:
        """The converter's name."""
        return self.config.name

    @property
    def watches(self) -> bool:
        """Tell whether sources are dropped for it."""
        return self.config.converter_type != "scheduled"

    @property
    def takes_new(self) -> bool:
        """Tell whether its watch folder is looked at."""
        return self.watches and not self.is_finishing

    def trouble(self) -> ArchiveError | None:
        """Tell why its archive takes no new source now, if so; cheap, and right from any thread."""
        if self.away or self.archive is None:
            return self.away
        return self.archive.reserve.trouble() or (self.room.trouble() if self.room else None)

    @property
    def holds_back(self) -> bool:
        """Tell whether new sources wait where they are, all of them."""
        if self.unavailable:  # which sources are its own, it says itself
            return True
        if self.trouble() is None:
            return self.is_waiting
        is_relieving = self.room is not None and self.room.is_relieving
        return self.is_waiting or is_relieving or self.config.on_archive_error == "hold"

    @property
    def is_taken(self) -> bool:
        """Whether another service owns its watch folder: nothing there is touched."""
        return self.folder is not None and self.folder.taken is not None

    def accounts_for(self, known: Arrival, now: Signature) -> bool:
        """Whether a known arrival is what lies at its path."""
        is_folder = self.config.converter_type == "folder"
        by_inode = self.folder is not None and self.folder.keeps_inodes
        return identity.accounts_for(known, now, is_folder=is_folder, by_inode=by_inode)

    def folder_trouble(self) -> FolderAway | None:
        """Return why its watch folder is away, or another service's, if it is: what lay there is not gone then."""
        return self.folder.trouble() if self.folder else None

    def listing(self) -> tuple[dict[str, Signature], tuple[str, ...]]:
        """List the sources in the watch folder, and what lies there but is never opened; OSError when it cannot be read."""
        found: dict[str, Signature] = {}
        strange: list[str] = []
        for item in self._items():
            try:
                mode = item.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode) if self.config.converter_type == "folder" else stat.S_ISREG(mode):
                    found[item.path] = self._signature(item)
                elif not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
                    strange.append(item.path)
            except (FileNotFoundError, SourceVanished):
                continue
            except (OSError, StorageError):  # it is this one's alone
                strange.append(item.path)
        return found, tuple(strange)

    def _items(self) -> Iterator[os.DirEntry[str]]:
        matches, spared = self._matching().match, self.spared
        with os.scandir(self.config.watch_folder) as items:
            for item in items:
                if matches(item.name.lower()) and not (spared and os.path.normcase(item.name) in spared):
                    yield item

    def matches(self, path: str) -> bool:
        """Tell whether a pattern matches a source's name; while its code cannot be loaded, the configured ones alone."""
        return self.matcher()(path)

    def matcher(self) -> Callable[[str], bool]:
        """Return ``matches`` for many paths."""
        match, name_of = self._matching().match, os.path.basename  # strings, as in a listing
        return lambda path: match(name_of(path).lower()) is not None and not self.is_spared(path)

    def is_spared(self, path: str) -> bool:
        """Whether the station needs what lies at ``path`` in the watch folder: it is no source."""
        return os.path.normcase(os.path.basename(path)) in self.spared  # noqa: PTH119 (as above)

    def _matching(self) -> re.Pattern[str]:
        return _compiled(self._patterns())

    def _signature(self, item: os.DirEntry[str]) -> Signature:
        if self.config.converter_type == "folder":
            try:
                return sources.signature(Path(item.path))
            except PermissionError:  # it is seen; that it cannot be archived is told for itself alone
                pass
        return sources.file_signature(item.stat(follow_symlinks=False))

    def _patterns(self) -> tuple[str, ...]:
        """The configured patterns; where these are pyWATS' default, the converter's own."""
        said = self.description
        if self.config.converter_type == "folder":
            configured, own, default = self.config.folder_patterns, said.folder_patterns if said else (), "*"
        else:
            configured, own, default = self.config.file_patterns, said.file_patterns if said else (), _DEFAULT_FILES
        is_default = own and all(pattern == default for pattern in configured)
        chosen = own if is_default else configured
        return tuple("*" if pattern == _DEFAULT_FILES else pattern for pattern in chosen)


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    wanted = "|".join(fnmatch.translate(pattern.lower()) for pattern in patterns) or _NOTHING
    return re.compile(f"{_NO_LOCK}(?:{wanted})")


def mark_of(arrival: Arrival) -> Mark:
    """Give the mark of a source that the books have."""
    return arrival.size_bytes, arrival.mtime_ns
