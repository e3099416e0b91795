"""The results of an export and of an import of a bag."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class NotExported:
    """A file that is missing in a bag."""

    archive_id: str
    """Its entry."""
    file: str
    """Its kind and name."""
    reason: str
    """Why it could not be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """A finished export."""

    bag: str
    """Path of the bag."""
    entries: int
    """Number of entries in the bag."""
    files: int
    """Number of files of entries in the bag, each with a checksum."""
    size_bytes: int
    """Size of these files."""
    sha256: str
    """The checksum of ``tagmanifest-sha256.txt``, which proves the whole bag."""
    key: str | None
    """The id of the key with which ``tagmanifest-sha256.txt`` and the histories are signed; None if they are not."""
    unsigned_because: str | None
    """Why the bag is not signed; None if it is."""
    is_on_record: bool
    """Whether the history of each archive records the export; False if one is read-only."""
    problems: tuple[NotExported, ...]
    """Files that could not be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """An entry of a bag that was not imported."""

    archive_id: str
    """The entry."""
    reason: str
    """Why it was not imported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedBag:
    """The result of an import of a bag."""

    archive: str
    """The archive into which it was imported."""
    bag: str
    """The bag."""
    origins: tuple[str, ...]
    """The UUIDs of the archives that the entries come from."""
    is_preview: bool
    """Whether the bag was only checked, and nothing was written; the numbers are those that an import would have."""
    imported: int
    """Number of entries that were imported."""
    already_there: int
    """Entries that the archive had already."""
    records_only: int
    """Entries whose bytes were purged before the export: they stay in the bag, and are not imported."""
    too_old: int
    """Number of imported entries that the policy of the archive will purge for their age, unless it is changed."""
    refused: tuple[Refused, ...]
    """Entries that were not imported."""
