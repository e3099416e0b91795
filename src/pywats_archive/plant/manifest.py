"""``index.json``: which files an index has, and how far each history was read. It is written last, and replaced whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pywats_archive.errors import NewerFormat, StorageError, UsageError
from pywats_archive.portable import files

NAME, LOCK, WORK = "index.json", ".lock", "work"
"""The manifest, the lock of the process that writes, and the folder for what is not finished."""
FORMAT = 1
ARCHIVE_SHIFT = 8
"""The number of a chain is that of its archive, shifted by so many bits, and its own number within the archive."""
_MOST_BYTES = 100_000_000


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Chain(_Value):
    """A history of an archive, as far as it was read."""

    number: int
    """Its number in the rows of the index; see ``ARCHIVE_SHIFT``."""
    archive_uuid: str
    name: str
    """Its folder in the vault."""
    station: str = ""
    """The computer that made the last segment."""
    began: datetime | None = None
    """When its first segment was made; of two histories of an archive, the one that began later counts."""
    last_key: str = ""
    last: int = 0
    """The number of the last event that was read."""
    hash: str = ""
    """The hash of that event."""
    ended_at: datetime | None = None
    """The time of that event."""
    made_at: datetime | None = None
    """When the last segment was made."""
    segments: int = 0
    software: str = ""

    @property
    def archive(self) -> int:
        """The number of its archive."""
        return self.number >> ARCHIVE_SHIFT


class IndexFile(_Value):
    """A Parquet file of the index."""

    name: str
    """Its path in the index."""
    table: str
    """``entries`` or ``reports``."""
    rows: int
    month: str = ""
    """``YYYY-MM`` of the entries' ids; empty for a file of ``today``."""
    made_at: datetime
    erases: bool = False
    """Whether it has entries whose texts were erased, and that older files still have."""


class Finding(_Value):
    """A segment that is missing, could not be read, or does not follow the one before."""

    key: str
    chain: int
    why: str
    following: int = 0
    """The number of the first event of the segment after it; 0 if there is none yet."""


class Manifest(_Value):
    """What an index has."""

    format_version: int = FORMAT
    vault: str
    updated_at: datetime | None = None
    next_number: int = 1
    """The number of the next file."""
    chains: tuple[Chain, ...] = ()
    files: tuple[IndexFile, ...] = ()
    findings: tuple[Finding, ...] = ()

    def of(self, table: str, month: str | None = None) -> Sequence[IndexFile]:
        """Return the files of a table: of a month, of ``today`` (``""``), or all."""
        return [each for each in self.files if each.table == table and month in (None, each.month)]


def load(folder: Path) -> Manifest | None:
    """Read the manifest of an index; None if there is none. StorageError or NewerFormat if it cannot be used."""
    path = folder / NAME
    try:
        content = files.read_small(path, most_bytes=_MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise StorageError(f"{path}: cannot be read ({exc.strerror or exc})") from exc
    try:
        found = Manifest.model_validate_json(content)
    except ValidationError as exc:
        raise StorageError(f"{path}: is damaged; remove {folder}, and make the index anew with 'plant index'") from exc
    if found.format_version > FORMAT:
        raise NewerFormat(f"{path}: format {found.format_version} is newer than {FORMAT}; update pywats-archive")
    return found


def require(folder: Path) -> Manifest:
    """Read the manifest of an index; UsageError if there is none."""
    found = load(folder)
    if found is None:
        raise UsageError(
            f"{folder}: has no index; make one with 'pywats-archive plant index --vault URL --to {folder}'"
        )
    return found


def save(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest, durably."""
    content = manifest.model_dump_json(indent=1).encode()
    files.replace_durably(folder / NAME, content + b"\n", partial=folder / f".{NAME}.part")
