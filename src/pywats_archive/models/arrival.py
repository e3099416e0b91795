"""An arrival: one source seen in a watch folder; the ledger holds each in exactly one state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from pywats_archive.models.file_stamp import FileStamp


class ArrivalState(str, Enum):
    """The states of invariant 12; a source that its converter did not accept is not done, and neither is a refused one."""

    SEEN = "seen"
    """Found in the watch folder; not archived yet."""
    ARCHIVED = "archived"
    """Archived; not converted yet."""
    CONVERTING = "converting"
    """Being converted."""
    CONVERTED = "converted"
    """Converted; its file is still in the watch folder."""
    WAITING = "waiting for the server"
    """Converted; its reports wait for the server."""
    STUCK = "cannot leave its folder"
    """Converted; its file cannot be moved or removed."""
    DONE = "done"
    """Every other outcome: the server has its reports, if there are any."""
    FAILED = "failed"
    """The conversion failed; the file goes to Error."""
    SUSPENDED = "suspended"
    """The converter waits for something; the file is tried again."""
    REFUSED = "refused"
    """The server refused a report."""
    SKIPPED = "skipped"
    """No converter wants it."""
    REJECTED = "rejected"
    """No converter accepts it."""
    VANISHED = "vanished"
    """Gone before it could be archived."""

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
    """Number in the ledger."""
    converter_name: str
    """The converter of the watch folder."""
    path: str
    """Where the source was found."""
    size_bytes: int
    """Size of the source."""
    mtime_ns: int
    """When the source was last modified, in ns since 1970 (UTC)."""
    first_seen_at: datetime
    """When it was first seen."""
    state: ArrivalState
    """State of the source."""
    changed_at: datetime
    """Since when it is in this state."""
    archive_id: str | None = None
    """Its entry; None before it is archived."""
    attempts: int = 0
    """Number of its conversions that ended suspended."""
    retry_at: datetime | None = None
    """When a suspended source is tried again."""
    moved_to: str | None = None
    """Where post-processing put the source."""
    reason: str | None = None
    """Why it is in this state, if there is something to say."""
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
    retry_after: timedelta | None = None
    """How long after its conversion is recorded a suspended source is tried again."""
    attempts: int = 0
