"""Where things lie in an archive."""

from __future__ import annotations

import re
from pathlib import PurePath, PurePosixPath

SOURCES, REPORTS, CONVERTERS = "sources", "reports", "converters"
CATALOG, DESCRIPTION, README, LOCK = "metadata.db", "archive.json", "README.txt", ".lock"

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,16}")


def source_path(archive_id: str, original_name: str) -> PurePosixPath:
    """Name a file source's blob; an unusual extension is left away (the header has the whole name)."""
    suffix = PurePath(original_name).suffix
    extension = suffix if _EXTENSION.fullmatch(suffix) else ""
    return _day(SOURCES, archive_id) / f"{archive_id}{extension}.gz"


def folder_path(archive_id: str) -> PurePosixPath:
    """Name a folder source's blob."""
    return _day(SOURCES, archive_id) / f"{archive_id}.tar.gz"


def companions_path(archive_id: str, number: int) -> PurePosixPath:
    """Name the ``number``-th companions blob of an entry; 1 has no number in its name."""
    return _day(SOURCES, archive_id) / f"{archive_id}.companions{_numbered(number)}.tar.gz"


def report_path(archive_id: str, number: int) -> PurePosixPath:
    """Name the ``number``-th report blob of an entry; 1 has no number in its name."""
    return _day(REPORTS, archive_id) / f"{archive_id}{_numbered(number)}.json.gz"


def _day(top: str, archive_id: str) -> PurePosixPath:
    return PurePosixPath(top, archive_id[:4], archive_id[4:6], archive_id[6:8])


def _numbered(number: int) -> str:
    return "" if number == 1 else f".{number}"
