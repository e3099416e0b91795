"""Imports of Done folders: what would be imported, and what was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class NotImported:
    """Something in a Done folder that is not imported."""

    path: str
    """Where it lies."""
    reason: str
    """Why it is not imported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportPreview:
    """What an import would do; nothing was written."""

    archive: str
    """The archive into which it would be imported."""
    folder: str
    """The Done folder."""
    converter_name: str
    """The converter that gets the entries."""
    sources: int
    """Number of entries that an import would make."""
    files: int
    """How many of them are files."""
    folders: int
    """How many of them are folders."""
    zipped: int
    """How many of them are files that lie alone in a zip, and are archived unpacked."""
    alone: int
    """How many of them are reports without a source beside them."""
    reports: int
    """Reports that lie beside their sources, and belong to them."""
    already_imported: int
    """Sources that are archived already."""
    size_bytes: int
    """Size of the sources and reports."""
    estimated_disk_bytes: int
    """Estimate of the disk space that they will take in the archive, with the catalog."""
    oldest: datetime | None
    """The earliest of their own times; None if there are none."""
    newest: datetime | None
    """The latest of their own times."""
    older_than_policy: int
    """How many are older than ``retention_days``; they are imported too, and their age counts from the import."""
    purged_at_once: int
    """Estimate of the entries that the size limit of the policy would purge after the import, oldest in the archive first."""
    over_bytes: int
    """Estimate of the bytes by which the archive would exceed the size limit of the policy."""
    max_size_gb: float
    """That size limit."""
    retention_days: int | None
    """How many days the policy keeps entries; None if it purges nothing."""
    not_imported: tuple[NotImported, ...]
    """What cannot be read, or is not imported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What an import did."""

    archive: str
    """The archive into which it was imported."""
    folder: str
    """The Done folder."""
    converter_name: str
    """The converter that has the entries."""
    imported: int
    """Number of entries that were made."""
    reports: int
    """Reports that were archived with them, or added to them."""
    already_imported: int
    """Sources that were archived already."""
    disk_size_bytes: int
    """Disk space of the blobs that were written."""
    not_imported: tuple[NotImported, ...]
    """What could not be read, or was not imported."""
