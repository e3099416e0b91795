"""What distinguishes two states of a file or folder without reading it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pywats_archive.models.time import storable_ns


class Sized(Protocol):
    """Any value with the size and time of a file: a stamp, an arrival, a note."""

    @property
    def size_bytes(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...


class Numbered(Protocol):
    """Any value that may have the inode number of a file: a stamp or an arrival."""

    @property
    def inode(self) -> int | None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class FileStamp:
    """The size, latest mtime and number of files of a source; stamps with all three the same are equal."""

    size_bytes: int
    mtime_ns: int
    """As the catalog can hold it (``storable_ns``)."""
    file_count: int = 1
    inode: int | None = field(default=None, compare=False)
    """None if the system does not say. Not compared: some file systems number a file differently each time."""
    ctime_ns: int | None = field(default=None, compare=False)
    """When the file's bytes, rights or names last changed; None if the system does not say."""
    own_mtime_ns: int | None = field(default=None, compare=False)
    """The file system's time, if the catalog cannot hold it."""

    @classmethod
    def of(
        cls,
        size_bytes: int,
        mtime_ns: int,
        *,
        file_count: int = 1,
        inode: int | None = None,
        ctime_ns: int | None = None,
    ) -> FileStamp:
        """Return the stamp of this size and time, whatever that time is."""
        stored = storable_ns(mtime_ns)
        return cls(
            size_bytes=size_bytes,
            mtime_ns=stored,
            file_count=file_count,
            inode=inode,
            ctime_ns=ctime_ns,
            own_mtime_ns=None if stored == mtime_ns else mtime_ns,
        )

    def matches(self, other: Sized) -> bool:
        """Whether size and time agree; the number of files, which no arrival has, does not count."""
        return (self.size_bytes, self.mtime_ns) == (other.size_bytes, other.mtime_ns)

    def is_other_file(self, other: Numbered) -> bool:
        """Whether both inodes are known, and differ."""
        return None not in (self.inode, other.inode) and self.inode != other.inode

    def is_unchanged(self, other: FileStamp) -> bool:
        """Whether both are of one file with the same bytes, as far as that can be known without reading it."""
        return self == other and not self.is_other_file(other)

    def fields(self) -> dict[str, int | None]:
        """Return the fields that an arrival has of its source's stamp."""
        return {
            "size_bytes": self.size_bytes,
            "mtime_ns": self.mtime_ns,
            "inode": self.inode,
            "ctime_ns": self.ctime_ns,
        }
