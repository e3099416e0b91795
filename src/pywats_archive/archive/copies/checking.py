"""Checking the copies of the catalog that an archive has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pywats_archive.archive.copies.place import in_archive
from pywats_archive.blobs.header import checksum_in
from pywats_archive.errors import ArchiveError


def check_all(root: Path, is_whole: Callable[[str], bool]) -> Iterator[tuple[str, str | None]]:
    """Stream the path of each copy in the archive at ``root``, with its fault, if any.

    Those that ``is_whole`` selects are read whole. A copy that the service removes meanwhile, because a newer one replaces it,
    is left out. StorageError if the folder cannot be listed.
    """
    place = in_archive(root)
    for copy in place.copies():
        path = place.path_of(copy)
        fault = None
        try:
            metadata = place.blobs.label(path).metadata
            if is_whole(path):
                place.blobs.check(path, checksum_in(metadata))
        except (ArchiveError, OSError, KeyError) as exc:
            fault = str(exc)
        if fault is None or copy in place.copies():
            yield path, fault
