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
)
from sqlalchemy.dialects import sqlite

from pywats_archive.catalog.columns import Day, Json, Moment, PathText

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
    Column("conversion_error", Text),
    Column("conversion_duration_ms", Integer),
    Column("warnings", Json),
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
    Index("idx_converter", "converter_name", "conversion_timestamp", "archive_id"),
    Index("idx_timestamp", "conversion_timestamp", "archive_id"),
    Index("idx_status", "conversion_status", "conversion_timestamp", "archive_id"),
    Index("idx_retention", "retention_until", "purged_at"),
    Index("idx_source", "source_path", "source_mtime_ns"),
)

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
    Column("error", Text),
    Column("traceback", Text),
    Column("warnings", Json),
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
    Column("last_error", Text),
    Column("next_try_at", Moment),
    Column("accepted_at", Moment),
    Column("verified_at", Moment),
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
    Column("reason", Text),
    Index("idx_arrival_state", "converter_name", "state"),
    Index("idx_arrival_path", "path"),
    Index("idx_arrival_entry", "archive_id"),
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
)

purge_history = Table(
    "purge_history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("purge_timestamp", Moment, nullable=False),
    Column("converter_name", Text, nullable=False),
    Column("archives_purged", Integer, nullable=False),
    Column("bytes_freed", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)

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
