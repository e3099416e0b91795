"""What distinguishes two states of a file or folder without reading it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pywats_archive.models.time import storable_ns


@dataclass(frozen=True, kw_only=True, slots=True)
class FileStamp:
    """What tells two states of a source apart without reading it: size, latest mtime, number of files."""

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
