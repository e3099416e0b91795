"""The findings about a folder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pywats_archive.portable.volumes import FileSystem


class Role(str, Enum):
    """The role of a folder."""

    WATCH = "watch"
    DONE = "done"
    ERROR = "error"
    PENDING = "pending"
    ARCHIVE = "archive"


class Check(str, Enum):
    """What is tried or measured."""

    THERE = "is there"
    LISTING = "listing"
    WRITING = "writing"
    FILE_SYNC = "fsync of a file"
    FOLDER_SYNC = "fsync of a folder"
    HARD_LINK = "hard link"
    EXCLUSIVE = "taken name is refused"
    ARRIVING = "move from the watch folder"
    FOLDER_MOVE = "move of a folder"
    LOCK = "lock"
    CATALOG = "SQLite with WAL"
    EVENTS = "change events"
    OPEN_FILES = "open files"
    READ_ONLY = "read-only files"
    PRIVATE = "private folder"
    SPACE = "free space"
    CLOCK = "clock"
    LONG_NAMES = "long names"
    LONG_PATHS = "long paths"
    FOREIGN_NAMES = "non-ASCII names"
    CASE = "upper and lower case"
    CLEANING = "removal of the probe"


class Result(str, Enum):
    """The result of a check."""

    OK = "ok"
    WEAK = "weak"
    """It works, with restrictions."""
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The result of one check, with details."""

    check: Check
    """What was tried or measured."""
    result: Result
    """How it came out."""
    told: str = ""
    """What was seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """One use of a folder; an archive has no converter."""

    role: Role
    """What the folder is for."""
    converter: str | None = None
    """The converter that uses it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """All findings about one folder."""

    path: str
    uses: tuple[Use, ...]
    outcomes: tuple[Outcome, ...]
    tried_in: str | None = None
    """The folder of the probe; None if there could be none."""
    file_system: FileSystem | None = None

    @property
    def roles(self) -> frozenset[Role]:
        """The roles of the folder, for all converters."""
        return frozenset(use.role for use in self.uses)
