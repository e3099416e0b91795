"""Whether the source at a path is still the one known there: decided from file stamps alone."""

from __future__ import annotations

from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.file_stamp import FileStamp


def is_as_known(known: Arrival, now: FileStamp, *, by_inode: bool = True) -> bool:
    """Whether size, time and, if both are known, inodes agree; ``by_inode``: the file system has stable inode numbers."""
    return now.matches(known) and not (by_inode and now.is_other_file(known))


def accounts_for(known: Arrival, now: FileStamp, *, is_folder: bool = False, by_inode: bool = True) -> bool:
    """Whether the source at a path belongs to a known arrival; otherwise it is a new source.

    - A source that was only seen may still be written to.
    - A folder in processing may lose its marker and gain files; these are found when it leaves.
    - Without an archive, nobody knows the stamp of a source at the time when it was read.
    """
    if known.state is ArrivalState.SEEN:
        return not was_replaced(known, now)
    if known.state.is_final:
        return known.moved_to is None and is_as_known(known, now, by_inode=by_inode)
    if known.state is ArrivalState.SUSPENDED and known.moved_to is not None:
        return False
    return is_folder or known.archive_id is None or is_as_known(known, now, by_inode=by_inode)


def was_replaced(seen: Arrival, now: FileStamp) -> bool:
    """Whether another file replaced a source that was only seen; an empty one does not count."""
    return now.is_other_file(seen) and not now.matches(seen) and seen.size_bytes > 0
