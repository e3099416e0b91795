"""Rows of entries that come from another archive, whose rows a recovery may have made of what a killed import left."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from pywats_archive.catalog import entries
from pywats_archive.catalog.driver import execute
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.report import Report

_OF_REPORTS = "SELECT coalesce(sum(disk_size_bytes), 0) FROM reports WHERE archive_id = ?"


def complete(tx: Connection, entry: ArchiveEntry) -> None:
    """Write all of an entry that has a row; the disk space of its reports is counted already."""
    row = entries.values_of(entry)
    row["disk_size_bytes"] += int(execute(tx, _OF_REPORTS, (entry.archive_id,)).fetchone()[0])
    entries.change(tx, entry.archive_id, row)


def index(tx: Connection, entry: ArchiveEntry, reports: Sequence[Report]) -> None:
    """Let the full-text index find an entry with these reports."""
    entries.reindex(tx, entry.archive_id, entry.conversion_error, entry.warnings, reports)
