"""Every table of the catalog; those of its upkeep are in ``upkeep_tables``. Times are UTC, sizes bytes, JSON as text."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from pywats_archive.catalog.column_types import Day, Json, Message, MessagesJson, Moment, PathText, WholeNumber
from pywats_archive.catalog.upkeep_tables import metadata as metadata  # noqa: PLC0414 (complete with the tables below)
from pywats_archive.models.arrival import ArrivalState

IS_OPEN = f"state NOT IN ({', '.join(repr(state.value) for state in ArrivalState if state.is_final)})"
"""The condition of unfinished arrivals; an index has exactly this text, so that a new final state needs a migration."""
ROWS = "rows"
"""The kind of an event that only binds rows, which no other event of their transaction does."""
FREQUENT_KINDS = ("source.archived", "conversion.recorded", "report.accepted", ROWS)
"""The kinds of the events that almost every entry has."""
IS_RARE = f"kind NOT IN {FREQUENT_KINDS!r}"
"""The condition of all other events; an index has exactly this text."""

_BY_CONVERTER = (
    "converter_name",
    "conversion_timestamp",
    "archive_id",
    "conversion_status",
    "result",
    "source_size_bytes",
    "conversion_duration_ms",
    "serial_number",
)
"""What the list of one converter is filtered and sorted by, so that only the rows that are shown are read."""

archive_entries = Table(
    "archive_entries",
    metadata,
    Column("entry_no", Integer, primary_key=True),
    Column("archive_id", Text, nullable=False, unique=True),
    Column("converter_name", Text, nullable=False),
    Column("converter_version", Text),
    Column("source_path", PathText, nullable=False),
    Column("source_kind", Text, nullable=False),
    Column("source_mtime_ns", Integer, nullable=False),
    Column("source_checksum", Text, nullable=False),
    Column("source_size_bytes", Integer, nullable=False),
    Column("archived_path", Text, nullable=False),
    Column("compressed_size_bytes", Integer, nullable=False),
    Column("compression_level", Integer, nullable=False),
    Column("companions", Json),
    Column("conversion_timestamp", Moment, nullable=False),
    Column("conversion_parameters", Json),
    Column("conversion_status", Text, nullable=False),
    Column("conversion_error", Message),
    Column("conversion_duration_ms", Integer),
    Column("warnings", MessagesJson),
    Column("report_id", Text),
    Column("report_archived_path", Text),
    Column("report_size_bytes", Integer),
    Column("report_count", Integer, nullable=False),
    Column("serial_number", Text),
    Column("part_number", Text),
    Column("retention_until", Day, nullable=False),
    Column("hold_reason", Text),
    Column("purged_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("verified_at", Moment),
    Column("held_by", Text),
    Column("held_at", Moment),
    Column("purge_id", Integer),
    Column("disk_size_bytes", Integer, nullable=False, server_default="0"),
    Column("all_reports", Integer, nullable=False, server_default="0"),
    Column("all_reports_size_bytes", Integer, nullable=False, server_default="0"),
    Column("all_reports_compressed_bytes", Integer, nullable=False, server_default="0"),
    Column("rebuilt_at", Moment),
    Column("result", Text),
    Column("failure_reason", Text),
    Index("idx_converter", *_BY_CONVERTER),
    Index("idx_timestamp", "conversion_timestamp", "archive_id"),
    Index("idx_status", "conversion_status", "conversion_timestamp", "archive_id"),
    Index(
        "idx_retention",
        "converter_name",
        "archive_id",
        "conversion_status",
        "disk_size_bytes",
        "hold_reason",
        sqlite_where=text("purged_at IS NULL"),
    ),
    Index("idx_purge", "purge_id", sqlite_where=text("purge_id IS NOT NULL")),
    Index("idx_held", "archive_id", sqlite_where=text("hold_reason IS NOT NULL")),
    Index("idx_source", "source_path", "source_mtime_ns"),
    Index("idx_size", "source_size_bytes", "archive_id"),
    Index("idx_serial", "serial_number", "archive_id", sqlite_where=text("serial_number IS NOT NULL")),
    Index(
        "idx_duration",
        "conversion_duration_ms",
        "archive_id",
        sqlite_where=text("conversion_duration_ms IS NOT NULL"),
    ),
    Index("idx_warned", "conversion_timestamp", "archive_id", sqlite_where=text("warnings IS NOT NULL")),
    Index("idx_purged", "conversion_timestamp", "archive_id", sqlite_where=text("purged_at IS NOT NULL")),
    Index("idx_result", "result", "conversion_timestamp", "archive_id", sqlite_where=text("result IS NOT NULL")),
    Index(
        "idx_failed",
        "failure_reason",
        "conversion_timestamp",
        "archive_id",
        "purged_at",
        sqlite_where=text("failure_reason IS NOT NULL"),
    ),
)
"""``disk_size_bytes``: the disk space of all blobs of the entry. It and the sums of all its reports, of every
conversion, are kept by triggers, beside what code adds (see ``entry_figures``)."""

entry_figures = Table(
    "entry_figures",
    metadata,
    Column("converter_name", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("entries", Integer, nullable=False),
    Column("warned", Integer, nullable=False),
    Column("source_size_bytes", Integer, nullable=False),
    Column("compressed_size_bytes", Integer, nullable=False),
    Column("disk_size_bytes", Integer, nullable=False),
    Column("reports", Integer, nullable=False),
    Column("reports_size_bytes", Integer, nullable=False),
    Column("reports_compressed_bytes", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The sums over entries by converter, day of receipt (UTC, ``YYYYMMDD``) and status; ``PURGED`` stands for purged ones.

Triggers update them in the transaction of every change, so that figures cost the same for any number of entries.
"""

configurations = Table(
    "configurations",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("configuration", Json, nullable=False),
)
"""Each effective configuration once; conversions name it by SHA-256."""

conversions = Table(
    "conversions",
    metadata,
    Column("conversion_id", Integer, primary_key=True),
    Column("archive_id", Text, ForeignKey("archive_entries.archive_id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("converter_name", Text, nullable=False),
    Column("converter_class", Text, nullable=False),
    Column("converter_version", Text),
    Column("code_fingerprint", Text, nullable=False),
    Column("distribution", Text),
    Column("parameters", Json),
    Column("configuration", Text, ForeignKey("configurations.fingerprint")),
    Column("post_action", Text),
    Column("error", Message),
    Column("traceback", Message),
    Column("warnings", MessagesJson),
    Column("run_id", Integer, ForeignKey("runs.run_id")),
    Index("idx_conversion_entry", "archive_id", "attempt", unique=True),
)

reports = Table(
    "reports",
    metadata,
    Column("report_no", Integer, primary_key=True),
    Column("archive_id", Text, ForeignKey("archive_entries.archive_id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("conversion_id", Integer, ForeignKey("conversions.conversion_id")),
    Column("report_id", Text, nullable=False),
    Column("archived_path", Text, nullable=False, unique=True),
    Column("checksum", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("compressed_size_bytes", Integer, nullable=False),
    Column("serial_number", Text(collation="NOCASE")),
    Column("part_number", Text(collation="NOCASE")),
    Column("process", Text),
    Column("result", Text),
    Column("start_time", Text),
    Column("submission_state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("last_error", Message),
    Column("next_try_at", Moment),
    Column("accepted_at", Moment),
    Column("verified_at", Moment),
    Column("disk_size_bytes", Integer, nullable=False, server_default="0"),
    Index("idx_report_entry", "archive_id", "ordinal"),
    Index("idx_report_id", "report_id"),
    Index("idx_report_serial", "serial_number"),
    Index("idx_report_part", "part_number", "archive_id"),
    Index("idx_report_submission", "submission_state", "next_try_at"),
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("arrival_id", Integer, primary_key=True),
    Column("converter_name", Text, nullable=False),
    Column("path", PathText, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),
    Column("first_seen_at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("archive_id", Text, ForeignKey("archive_entries.archive_id")),
    Column("attempts", Integer, nullable=False),
    Column("retry_at", Moment),
    Column("moved_to", PathText),
    Column("reason", Message),
    Column("inode", WholeNumber),
    Column("ctime_ns", WholeNumber),
    Column("kept_checksum", Text),
    Index("idx_arrival_state", "converter_name", "state"),
    Index("idx_arrival_path", "path"),
    Index("idx_arrival_entry", "archive_id"),
    Index("idx_arrival_kept", "kept_checksum", sqlite_where=text("kept_checksum IS NOT NULL")),
    Index("idx_arrival_open", "converter_name", "state", "archive_id", sqlite_where=text(IS_OPEN)),
    Index("idx_arrival_moved", "moved_to", sqlite_where=text("moved_to IS NOT NULL")),
)

arrival_figures = Table(
    "arrival_figures",
    metadata,
    Column("converter_name", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("arrivals", Integer, nullable=False),
    Column("first_arrival", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Numbers of finished arrivals, by converter, day of the first sighting (UTC, ``YYYY-MM-DD``) and final state.

Triggers update them in the transaction of every change. ``first_arrival``: no arrival that is counted has a smaller number.
"""

events = Table(
    "events",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("archive_id", Text),
    Column("actor", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("bound_rows", Text),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("idx_event_entry", "archive_id"),
    Index("idx_event_rare", "kind", sqlite_where=text(IS_RARE)),
)
"""``bound_rows``: the digests of the rows that changed with the event (see ``binding``), JSON that its hash covers too."""


stored_files = Table(
    "stored_files",
    metadata,
    Column("day", Text, primary_key=True),
    Column("name", PathText, primary_key=True),
    Column("size_bytes", Integer, primary_key=True),
    Column("mtime_ns", Integer, primary_key=True),
    Column("checksum", Text, nullable=False),
    Column("archived_path", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""The companions of the last day that are stored alone; ``archived_path`` is the latest name of the blob."""
