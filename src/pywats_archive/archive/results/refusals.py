"""Reports that the server refused, or never accepts; a refusal is a warning of its entry, in the server's words."""

from __future__ import annotations

from datetime import datetime

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import conversions, entries, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.report import Refusal, Report

OFTEN = 10
"""With the back-off, this many tries take half an hour or more."""


def warn(tx: Connection, report: Report) -> None:
    """Show a refusal as a warning of its entry, unless a later conversion is shown already."""
    entry = entries.get(tx, report.archive_id)
    past = {each.conversion_id: each for each in conversions.of_entry(tx, report.archive_id)}
    own = past.get(report.conversion_id)
    if own is not None and own.started_at == entry.conversion_timestamp:
        mine = [each for each in reports.of_entry(tx, report.archive_id) if each.conversion_id == report.conversion_id]
        entries.add_warning(tx, entry, f"the server refused report {report.ordinal}: {report.last_error}", mine)


def since(archive: Archive, moment: datetime) -> dict[str, Refusal]:
    """Return by converter the last refused report that an entry shows and that was converted since ``moment``."""
    with archive.read() as db:
        return {refusal.converter_name: refusal for refusal in reports.refused(db, moment)}


def overdue(archive: Archive, before: datetime) -> dict[str, Refusal]:
    """Return by converter the oldest report that was converted before then, was tried often, and is still waiting."""
    with archive.read() as db:
        return {each.converter_name: each for each in reports.overdue(db, before, tries=OFTEN)}
