"""Every table of the catalog. Names are the analysis' own; times are UTC, sizes bytes, JSON as text."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects import sqlite

from pywats_archive.catalog.columns import Day, Json, Moment, PathText, Told, ToldJson, WholeNumber

DIALECT = sqlite.dialect()
"""What statements are compiled for."""
metadata = MetaData()

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
    Column("conversion_error", Told),
    Column("conversion_duration_ms", Integer),
    Column("warnings", ToldJson),
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
    Index("idx_converter", "converter_name", "conversion_timestamp", "archive_id"),
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
    Index("idx_source", "source_path", "source_mtime_ns"),
)
"""``disk_size_bytes``: what the file system allots for all blobs of the entry. It and the sums of all its reports, of every
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
"""The sums over entries by converter, day of receipt (UTC, ``YYYYMMDD``) and status; ``PURGED`` stands for what was purged.

Triggers keep them in the transaction of every change, so that figures cost the same whatever the number of entries.
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
    Column("error", Told),
    Column("traceback", Told),
    Column("warnings", ToldJson),
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
    Column("last_error", Told),
    Column("next_try_at", Moment),
    Column("accepted_at", Moment),
    Column("verified_at", Moment),
    Column("disk_size_bytes", Integer, nullable=False, server_default="0"),
    Index("idx_report_entry", "archive_id", "ordinal"),
    Index("idx_report_id", "report_id"),
    Index("idx_report_serial", "serial_number"),
    Index("idx_report_part", "part_number"),
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
    Column("reason", Told),
    Column("inode", WholeNumber),
    Column("ctime_ns", WholeNumber),
    Column("kept_checksum", Text),
    Index("idx_arrival_state", "converter_name", "state"),
    Index("idx_arrival_path", "path"),
    Index("idx_arrival_entry", "archive_id"),
    Index("idx_arrival_kept", "kept_checksum", sqlite_where=text("kept_checksum IS NOT NULL")),
)

events = Table(
    "events",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("archive_id", Text),
    Column("actor", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("idx_event_entry", "archive_id"),
)

scrub = Table(
    "scrub",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("next_id", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("blobs", Integer, nullable=False),
    Column("read_bytes", Integer, nullable=False),
    Column("problems", Integer, nullable=False),
)
"""One row: which entry is read back next, and what was read since the last event that tells of it."""

findings = Table(
    "findings",
    metadata,
    Column("path", Text, primary_key=True),
    Column("archive_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("found_at", Moment, nullable=False),
)
"""What was found wrong by the scrub and is so still, by blob."""

retention_policies = Table(
    "retention_policies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("converter_name", Text, nullable=False, unique=True),
    Column("retention_days", Integer, nullable=False),
    Column("max_size_gb", Float, nullable=False),
    Column("compression_level", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("failed_retention_days", Integer),
    Column("min_entries", Integer, nullable=False, server_default="0"),
    Column("min_days", Integer, nullable=False, server_default="0"),
    Column("purge_unsubmitted", Boolean, nullable=False, server_default=text("0")),
    Column("confirmed", Boolean, nullable=False, server_default=text("1")),
    Column("dates_follow_from", Integer),
)
"""A policy for each converter that has one of its own; ``*`` is that of all others. ``dates_follow_from``: the entry from
which on the dates still have to follow the policy, newest first; NULL when all do."""

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

configured = Table(
    "configured",
    metadata,
    Column("converter_name", Text, primary_key=True),
    Column("said", Json, nullable=False),
    Column("seen_at", Moment, nullable=False),
)
"""What the configuration said of each converter's policy when it was seen last, by the names of a policy."""

purge_history = Table(
    "purge_history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("purge_timestamp", Moment, nullable=False),
    Column("converter_name", Text, nullable=False),
    Column("archives_purged", Integer, nullable=False),
    Column("bytes_freed", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False, server_default="service"),
    Column("finished_at", Moment),
)
"""Each purge of some entries for one reason; until ``finished_at`` their blobs may still be there."""

alerts = Table(
    "alerts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("raised_at", Moment, nullable=False),
    Column("details", Json, nullable=False),
)
"""What a service found wrong, and is so still."""

clock = Table(
    "clock",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("believed_at", Moment, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("uptime_s", Float, nullable=False),
    Column("credit_s", Float, nullable=False),
    Column("voucher", Text, nullable=False),
    Column("is_disputed", Boolean, nullable=False),
    Column("doubted_since", Moment),
    Column("doubted_after", Integer),
)
"""One row: the last moment that was believed, with the uptime at which it was; see ``models/clock.py``."""

misdated = Table(
    "misdated",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("after_entry", Integer, nullable=False),
    Column("upto_entry", Integer, nullable=False),
    Column("received_by", Moment, nullable=False),
)
"""Entries (by ``entry_no``) that were received while the clock was doubted; they count as received when that ended."""

runs = Table(
    "runs",
    metadata,
    Column("run_id", Integer, primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("request", Json, nullable=False),
)

run_items = Table(
    "run_items",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.run_id"), primary_key=True),
    Column("archive_id", Text, ForeignKey("archive_entries.archive_id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("result", Json),
)
