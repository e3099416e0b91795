"""``index.json``: which files an index has, and how far each history was read. It is written last, and replaced whole."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pywats_archive.archive.replica.comparison import sha256_of
from pywats_archive.errors import NewerFormat, StorageError, UsageError
from pywats_archive.portable import files

NAME, LOCK, WORK = "index.json", ".lock", "work"
"""The manifest, the lock of the process that writes, and the folder for what is not finished."""
TODAY, MONTHS = "today", "months"
_PARTIAL = f".{NAME}.part"
_OWN = {NAME, LOCK, WORK, TODAY, MONTHS, _PARTIAL}
_SHA256 = "sha256:"
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
    size_bytes: int
    checksum: str
    """``sha256:<hex>``."""


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
    checked_at: datetime | None = None
    """When the checksums of all files were last compared."""
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
        written = json.loads(content)["format_version"]
        if written > FORMAT:
            raise NewerFormat(f"{path}: format {written} is newer than {FORMAT}; update pywats-archive")
        if written < FORMAT:
            raise StorageError(f"{path}: format {written} is older than {FORMAT}; {_advice(folder)}")
        return Manifest.model_validate_json(content)
    except (ValidationError, ValueError, KeyError, TypeError, RecursionError) as exc:
        raise StorageError(f"{path}: is damaged; {_advice(folder)}") from exc


def _advice(folder: Path) -> str:
    """Return what to do about an index that cannot be used."""
    return f"remove {folder}, and make the index again with 'pywats-archive plant index'"


def create_folder(folder: Path) -> None:
    """Create the folder of an index, for this account alone; UsageError if it exists and has something else."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    others = sorted({each.name for each in folder.iterdir()} - _OWN)
    if others and not (folder / NAME).is_file():
        raise UsageError(f"{folder}: has other files ({others[0]!r}) and no index; name a new or empty folder")


def require_intact(folder: Path, listed: Iterable[IndexFile], *, whole: bool = True) -> None:
    """Compare the sizes of files with those that were noted, and if ``whole``, their checksums; StorageError."""
    for each in listed:
        path = folder / each.name
        try:
            is_intact = path.stat().st_size == each.size_bytes
            if is_intact and whole:
                is_intact = checksum_of(path) == each.checksum
        except OSError as exc:
            raise StorageError(f"{path}: cannot be read ({exc.strerror or exc}); {_advice(folder)}") from exc
        if not is_intact:
            raise StorageError(f"{path}: is damaged; {_advice(folder)}")


def checksum_of(path: Path) -> str:
    """Return the checksum of a file."""
    return f"{_SHA256}{sha256_of(path)}"


def follow_rights(path: Path, folder: Path) -> None:
    """Let those read a file or folder of an index who may read the folder of the index."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    with suppress(PermissionError, NotImplementedError):  # a share has rights of its own
        path.chmod(mode if path.is_dir() else mode & 0o666)


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
    files.replace_durably(folder / NAME, content + b"\n", partial=folder / _PARTIAL)
    follow_rights(folder / NAME, folder)
