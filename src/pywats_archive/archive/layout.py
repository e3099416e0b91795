"""Where things lie in an archive."""

from __future__ import annotations

import re

SOURCES, REPORTS, CONVERTERS = "sources", "reports", "converters"
CATALOG, DESCRIPTION, README = "metadata.db", "archive.json", "README.txt"
LOCK, OWNER = ".lock", ".owner"
"""Who owns the archive: the lock counts, the note beside it says who that is."""
HEARTBEAT = ".heartbeat"
"""Who runs a service on the archive; its time is the last sign of that one's main loop."""
PURGING, REPROCESSING = ".purging", ".reprocessing"
"""The locks of who purges, and of who replays."""
PURGED, SET_BACK = "purged.log", "set-back.log"
"""What was decided and no blob tells: whose blobs are to go, and which reports a rollback took out of force."""
RECOVERING, RECOVERED = ".recovering", ".recovered"
"""Empty files: the time of the second is when the last recovery that came to its end began."""

_COMPANIONS = re.compile(r"/[^/]{24}\.companions(?:(?:\.\d+)?\.tar|\.\d+)\.gz\Z")
_COMPANION = re.compile(r"/[^/]{24}\.companions\.\d+\.gz\Z")
_NUMBER = re.compile(r"\.(\d+)(?:\.(?:json|tar))?\.gz\Z")
_EXTENSION = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,16}\Z", re.DOTALL)


def source_path(archive_id: str, original_name: str) -> str:
    """Name a file source's blob; an unusual extension is left away (the header has the whole name)."""
    found = _EXTENSION.search(original_name)
    return f"{day_folder(SOURCES, archive_id)}/{archive_id}{found[0] if found else ''}.gz"


def folder_path(archive_id: str) -> str:
    """Name a folder source's blob."""
    return f"{day_folder(SOURCES, archive_id)}/{archive_id}.tar.gz"


def companions_path(archive_id: str, number: int) -> str:
    """Name the ``number``-th companions blob of an entry; 1 has no number in its name."""
    return f"{day_folder(SOURCES, archive_id)}/{archive_id}.companions{_numbered(number)}.tar.gz"


def companion_path(archive_id: str, number: int) -> str:
    """Name the ``number``-th companions blob of an entry, which holds one file as it is; no source has such a name."""
    return f"{day_folder(SOURCES, archive_id)}/{archive_id}.companions.{number}.gz"


def report_path(archive_id: str, number: int) -> str:
    """Name the ``number``-th report blob of an entry; 1 has no number in its name."""
    return f"{day_folder(REPORTS, archive_id)}/{archive_id}{_numbered(number)}.json.gz"


def day_folder(top: str, archive_id: str) -> str:
    """Name the folder of an entry's day (UTC), beneath sources or reports."""
    return f"{top}/{archive_id[:4]}/{archive_id[4:6]}/{archive_id[6:8]}"


def is_companions(path: str) -> bool:
    """Tell whether a blob's name is that of companions."""
    return _COMPANIONS.search(path) is not None


def is_one_companion(path: str) -> bool:
    """Whether a blob's name is that of one companion, as it is."""
    return _COMPANION.search(path) is not None


def number_of(path: str) -> int:
    """Give the number in the name of a report or companions blob; 1 where there is none."""
    found = _NUMBER.search(path)
    return int(found[1]) if found else 1


def _numbered(number: int) -> str:
    return "" if number == 1 else f".{number}"
