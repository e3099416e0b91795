"""Where each file of an archive is."""

from __future__ import annotations

import re

SOURCES, REPORTS, CONVERTERS = "sources", "reports", "converters"
ORIGINS = "imported"
"""The records that imported entries had in their own archives."""
BACKUPS = "backups"
"""The copies of the catalog."""
ANCHORS = "anchors.log"
"""The signed heads of the history, one a line."""
CATALOG, DESCRIPTION, README = "metadata.db", "archive.json", "README.txt"
LOCK, OWNER = ".lock", ".owner"
"""The owner's lock, and a note that names the owner; only the lock counts."""
HEARTBEAT = ".heartbeat"
"""Names the service that runs on the archive; its time is the last sign of the service's main loop."""
LAST_SERVICE = ".last-service"
"""Names the service that last stopped in order, and when that was."""
PURGING, REPROCESSING = ".purging", ".reprocessing"
"""The locks for purging and for replaying."""
IMPORTING, IMPORT_BATCH = ".importing", ".import-batch"
"""The locks for a whole import, and for the files of one of its commits."""
IMPORT_BEGUN = ".import-begun"
"""An empty file that is there while an import is not finished; its time is when the import began."""
PURGED, ROLLED_BACK = "purged.log", "set-back.log"
"""Decisions that no blob records: whose blobs are to be removed, and which reports were rolled back."""
ERASING = ".erasing"
"""What an unfinished erasure needs to go on after a crash."""
RECOVERING, RECOVERED = ".recovering", ".recovered"
"""Empty files; the time of the second one is when the last completed recovery began."""

ACCESSES = "accesses"
"""The folder for notes of accesses by accounts that may not write to the catalog."""

_COMPANIONS = re.compile(r"/[^/]{24}\.companions(?:(?:\.\d+)?\.tar|\.\d+)\.gz(?:\.age)?\Z")
_COMPANION = re.compile(r"/[^/]{24}\.companions\.\d+\.gz(?:\.age)?\Z")
_NUMBER = re.compile(r"\.(\d+)(?:\.(?:json|tar))?\.gz(?:\.age)?\Z")
_EXTENSION = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,16}\Z", re.DOTALL)


def source_path(archive_id: str, original_name: str) -> str:
    """Return the path of a file source's blob; an unusual extension is left out (the header has the whole name)."""
    found = _EXTENSION.search(original_name)
    return f"{day_folder(SOURCES, archive_id)}/{archive_id}{found[0] if found else ''}.gz"


def folder_path(archive_id: str) -> str:
    """Return the path of a folder source's blob."""
    return f"{day_folder(SOURCES, archive_id)}/{archive_id}.tar.gz"


def companions_path(archive_id: str, number: int) -> str:
    """Return the path of an entry's ``number``-th companions blob; 1 has no number in its name."""
    return f"{day_folder(SOURCES, archive_id)}/{archive_id}.companions{_numbered(number)}.tar.gz"


def companion_path(archive_id: str, number: int) -> str:
    """Return the path of an entry's ``number``-th companions blob that holds a single file; no source has such a name."""
    return f"{day_folder(SOURCES, archive_id)}/{archive_id}.companions.{number}.gz"


def report_path(archive_id: str, number: int) -> str:
    """Return the path of an entry's ``number``-th report blob; 1 has no number in its name."""
    return f"{day_folder(REPORTS, archive_id)}/{archive_id}{_numbered(number)}.json.gz"


def origin_path(archive_id: str) -> str:
    """Return the path of the record that an entry had in the archive that it comes from."""
    return f"{day_folder(ORIGINS, archive_id)}/{archive_id}.json.gz"


def day_folder(top: str, archive_id: str) -> str:
    """Return the folder of an entry's day (UTC), beneath sources, reports or imported."""
    return f"{top}/{archive_id[:4]}/{archive_id[4:6]}/{archive_id[6:8]}"


def is_companions(path: str) -> bool:
    """Whether a blob's name says that it holds companions."""
    return _COMPANIONS.search(path) is not None


def is_one_companion(path: str) -> bool:
    """Whether a blob's name says that it holds a single companion."""
    return _COMPANION.search(path) is not None


def number_of(path: str) -> int:
    """Return the number in the name of a report or companions blob; 1 if it has none."""
    found = _NUMBER.search(path)
    return int(found[1]) if found else 1


def _numbered(number: int) -> str:
    return "" if number == 1 else f".{number}"
