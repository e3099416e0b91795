"""What was found out about a folder by trying."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pywats_archive.portable.volumes import FileSystem


class Role(str, Enum):
    """What a folder is for."""

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
    FOREIGN_NAMES = "non-ASCII names"
    CASE = "upper and lower case"
    CLEANING = "removal of the probe"


class Result(str, Enum):
    """How a check ended."""

    OK = "ok"
    WEAK = "weak"
    """It works, in a lesser way."""
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One check's end, and what was seen."""

    check: Check
    result: Result
    told: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """One thing a folder is used for; an archive has no converter of its own."""

    role: Role
    converter: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """All that was found out about one folder."""

    path: str
    uses: tuple[Use, ...]
    outcomes: tuple[Outcome, ...]
    tried_in: str | None = None
    """The folder in which the probe lay; None when none could be laid."""
    file_system: FileSystem | None = None

    @property
    def roles(self) -> frozenset[Role]:
        """What the folder is for, all converters together."""
        return frozenset(use.role for use in self.uses)
