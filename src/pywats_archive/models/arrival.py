"""An arrival: one source seen in a watch folder; the ledger holds each in exactly one state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pywats_archive.models.file_stamp import FileStamp


class ArrivalState(str, Enum):
    """The states of invariant 12; a source that its converter did not accept is not done, and neither is a refused one."""

    SEEN = "seen"
    ARCHIVED = "archived"
    CONVERTING = "converting"
    CONVERTED = "converted"
    WAITING = "waiting for the server"
    STUCK = "cannot leave its folder"
    """Every other outcome is done: the server has its reports, if there are any."""
    DONE = "done"
    FAILED = "failed"
    SUSPENDED = "suspended"
    REFUSED = "refused"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    VANISHED = "vanished"

    @property
    def is_final(self) -> bool:
        """Whether the service has nothing left to do for it."""
        return self in _FINAL


_FINAL = frozenset(
    {
        ArrivalState.DONE,
        ArrivalState.FAILED,
        ArrivalState.REFUSED,
        ArrivalState.SKIPPED,
        ArrivalState.REJECTED,
        ArrivalState.VANISHED,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """One row of the ledger."""

    arrival_id: int | None = None
    converter_name: str
    path: str
    size_bytes: int
    mtime_ns: int
    first_seen_at: datetime
    state: ArrivalState
    changed_at: datetime
    archive_id: str | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    """When a suspended source is tried again."""
    moved_to: str | None = None
    """Where post-processing put the source."""
    reason: str | None = None
    inode: int | None = None
    """The file's number in its file system when last examined; None if the system does not say."""
    ctime_ns: int | None = None
    """When its bytes, rights or names last changed; None if the system does not say (Windows)."""
    kept_checksum: str | None = None
    """The checksum of a finished source that stayed in the watch folder, by which it is recognized."""

    @property
    def number(self) -> int:
        """Its number in the ledger; None before it is entered."""
        assert self.arrival_id is not None
        return self.arrival_id

    @property
    def stamp(self) -> FileStamp:
        """The stamp of its source when last examined."""
        return FileStamp(size_bytes=self.size_bytes, mtime_ns=self.mtime_ns, inode=self.inode, ctime_ns=self.ctime_ns)


@dataclass(frozen=True, kw_only=True, slots=True)
class NextState:
    """The state of the arrival once the conversion is recorded."""

    state: ArrivalState
    reason: str | None = None
    retry_at: datetime | None = None
    attempts: int = 0
