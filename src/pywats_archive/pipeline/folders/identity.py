"""Whether what lies at a path is the source that was known there: decided from stamps alone."""

from __future__ import annotations

from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.file_stamp import FileStamp


def is_as_known(known: Arrival, now: FileStamp, *, by_inode: bool = True) -> bool:
    """Whether length, time and, where they tell, inodes agree; ``by_inode`` where the file system keeps a file's number."""
    return now.matches(known) and not (by_inode and now.is_other_file(known))


def accounts_for(known: Arrival, now: FileStamp, *, is_folder: bool = False, by_inode: bool = True) -> bool:
    """Whether a known arrival is what lies at its path; otherwise that is a new source.

    One that was only seen may still be written. A folder on its way may lose its marker and gain files: its end finds them.
    Where no archive has a source, nobody knows how it was when it was read.
    """
    if known.state is ArrivalState.SEEN:
        return not was_replaced(known, now)
    if known.state.is_final:
        return known.moved_to is None and is_as_known(known, now, by_inode=by_inode)
    if known.state is ArrivalState.SUSPENDED and known.moved_to is not None:
        return False
    return is_folder or known.archive_id is None or is_as_known(known, now, by_inode=by_inode)


def was_replaced(seen: Arrival, now: FileStamp) -> bool:
    """Whether another file has the place of a source that was only seen; nobody misses one without bytes."""
    return now.is_other_file(seen) and not now.matches(seen) and seen.size_bytes > 0
