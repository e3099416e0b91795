"""Where a blob may be: every path from a row is checked here before anything is opened or removed."""

from __future__ import annotations

import re
from pathlib import Path

from pywats_archive.errors import BlobOutside
from pywats_archive.portable import files

_OF_ENTRY = re.compile(
    r"(?P<folder>(?:sources|reports|imported)/(\d{4})/(\d{2})/(\d{2}))/(?P<id>\2\3\4\d{9}_[0-9a-f]{6})(?:\.[^/\\:\0]+)?\.gz(?:\.age)?"
)
_OF_CATALOG = re.compile(r"(?P<folder>backups|[0-9a-f-]{36})/\d{8}T\d{6}Z_(?:before-migration_)?metadata\.db\.gz")
"""A copy of the catalog: in the archive, or in the backup folder's folder for the archive."""
_OF_CODE = re.compile(r"(?P<folder>converters)/[0-9a-f]{64}\.(?:py|tar)\.gz(?:\.age)?")


def is_of_entry(path: str, archive_id: str) -> bool:
    """Whether ``path`` (relative to the archive) has the shape of a blob of this entry."""
    found = _OF_ENTRY.fullmatch(path)
    return found is not None and found["id"] == archive_id


def require_shape(path: str, root: Path) -> str:
    """Return the folder of the blob at ``path``; BlobOutside if ``path`` is not the place of any blob."""
    found = _OF_ENTRY.fullmatch(path) or _OF_CODE.fullmatch(path) or _OF_CATALOG.fullmatch(path)
    if found is None:
        raise BlobOutside(f"{root}: {path!r} is not the place of a blob; nothing is opened or removed there")
    return found["folder"]


def require_no_link(root: Path, path: str) -> None:
    """Raise BlobOutside if ``path``, or a folder on the way to it from ``root``, is a link to another place."""
    whole = str(root)
    for part in path.split("/"):
        whole = f"{whole}/{part}"
        try:
            is_link = files.is_link(whole)
        except (FileNotFoundError, NotADirectoryError):
            return
        if is_link:
            message = "is a link, and an archive follows none below its own folder; mount the disk here instead"
            raise BlobOutside(f"{whole}: {message}")
