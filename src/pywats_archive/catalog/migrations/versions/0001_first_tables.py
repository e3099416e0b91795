"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table, the full-text index, and the triggers that keep events as they are."""
    op.create_table(
        "archive_entries",
        sa.Column("entry_no", sa.Integer(), nullable=False),
        sa.Column("archive_id", sa.Text(), nullable=False),
        sa.Column("converter_name", sa.Text(), nullable=False),
        sa.Column("converter_version", sa.Text(), nullable=True),
        sa.Column("source_path", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_mtime_ns", sa.Integer(), nullable=False),
        sa.Column("source_checksum", sa.Text(), nullable=False),
        sa.Column("source_size_bytes", sa.Integer(), nullable=False),
        sa.Column("archived_path", sa.Text(), nullable=False),
        sa.Column("compressed_size_bytes", sa.Integer(), nullable=False),
        sa.Column("compression_level", sa.Integer(), nullable=False),
        sa.Column("companions", sa.Text(), nullable=True),
        sa.Column("conversion_timestamp", sa.Text(), nullable=False),
        sa.Column("conversion_parameters", sa.Text(), nullable=True),
        sa.Column("conversion_status", sa.Text(), nullable=False),
        sa.Column("conversion_error", sa.Text(), nullable=True),
        sa.Column("conversion_duration_ms", sa.Integer(), nullable=True),
        sa.Column("warnings", sa.Text(), nullable=True),
        sa.Column("report_id", sa.Text(), nullable=True),
        sa.Column("report_archived_path", sa.Text(), nullable=True),
        sa.Column("report_size_bytes", sa.Integer(), nullable=True),
        sa.Column("report_count", sa.Integer(), nullable=False),
        sa.Column("serial_number", sa.Text(), nullable=True),
        sa.Column("part_number", sa.Text(), nullable=True),
        sa.Column("retention_until", sa.Text(), nullable=False),
        sa.Column("hold_reason", sa.Text(), nullable=True),
        sa.Column("purged_at", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry_no"),
        sa.UniqueConstraint("archive_id"),
    )
    op.create_index(
        "idx_converter", "archive_entries", ["converter_name", "conversion_timestamp", "archive_id"], unique=False
    )
    op.create_index("idx_retention", "archive_entries", ["retention_until", "purged_at"], unique=False)
    op.create_index("idx_source", "archive_entries", ["source_path", "source_mtime_ns"], unique=False)
    op.create_index(
        "idx_status", "archive_entries", ["conversion_status", "conversion_timestamp", "archive_id"], unique=False
    )
    op.create_index("idx_timestamp", "archive_entries", ["conversion_timestamp", "archive_id"], unique=False)
    op.create_table(
        "configurations",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("configuration", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_table(
        "events",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("archive_id", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("idx_event_entry", "events", ["archive_id"], unique=False)
    op.create_table(
        "purge_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("purge_timestamp", sa.Text(), nullable=False),
        sa.Column("converter_name", sa.Text(), nullable=False),
        sa.Column("archives_purged", sa.Integer(), nullable=False),
        sa.Column("bytes_freed", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "retention_policies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("converter_name", sa.Text(), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=False),
        sa.Column("max_size_gb", sa.Float(), nullable=False),
        sa.Column("compression_level", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("converter_name"),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_table(
        "arrivals",
        sa.Column("arrival_id", sa.Integer(), nullable=False),
        sa.Column("converter_name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("mtime_ns", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Text(), nullable=False),
        sa.Column("archive_id", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.Text(), nullable=True),
        sa.Column("moved_to", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["archive_id"],
            ["archive_entries.archive_id"],
        ),
        sa.PrimaryKeyConstraint("arrival_id"),
    )
    op.create_index("idx_arrival_entry", "arrivals", ["archive_id"], unique=False)
    op.create_index("idx_arrival_path", "arrivals", ["path"], unique=False)
    op.create_index("idx_arrival_state", "arrivals", ["converter_name", "state"], unique=False)
    op.create_table(
        "conversions",
        sa.Column("conversion_id", sa.Integer(), nullable=False),
        sa.Column("archive_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("converter_name", sa.Text(), nullable=False),
        sa.Column("converter_class", sa.Text(), nullable=False),
        sa.Column("converter_version", sa.Text(), nullable=True),
        sa.Column("code_fingerprint", sa.Text(), nullable=False),
        sa.Column("distribution", sa.Text(), nullable=True),
        sa.Column("parameters", sa.Text(), nullable=True),
        sa.Column("configuration", sa.Text(), nullable=True),
        sa.Column("post_action", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("traceback", sa.Text(), nullable=True),
        sa.Column("warnings", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["archive_id"],
            ["archive_entries.archive_id"],
        ),
        sa.ForeignKeyConstraint(
            ["configuration"],
            ["configurations.fingerprint"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("conversion_id"),
    )
    op.create_index("idx_conversion_entry", "conversions", ["archive_id", "attempt"], unique=True)
    op.create_table(
        "run_items",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("archive_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["archive_id"],
            ["archive_entries.archive_id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("run_id", "archive_id"),
    )
    op.create_table(
        "reports",
        sa.Column("report_no", sa.Integer(), nullable=False),
        sa.Column("archive_id", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("conversion_id", sa.Integer(), nullable=True),
        sa.Column("report_id", sa.Text(), nullable=False),
        sa.Column("archived_path", sa.Text(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("compressed_size_bytes", sa.Integer(), nullable=False),
        sa.Column("serial_number", sa.Text(collation="NOCASE"), nullable=True),
        sa.Column("part_number", sa.Text(collation="NOCASE"), nullable=True),
        sa.Column("process", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("start_time", sa.Text(), nullable=True),
        sa.Column("submission_state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("next_try_at", sa.Text(), nullable=True),
        sa.Column("accepted_at", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["archive_id"],
            ["archive_entries.archive_id"],
        ),
        sa.ForeignKeyConstraint(
            ["conversion_id"],
            ["conversions.conversion_id"],
        ),
        sa.PrimaryKeyConstraint("report_no"),
        sa.UniqueConstraint("archived_path"),
    )
    op.create_index("idx_report_entry", "reports", ["archive_id", "ordinal"], unique=False)
    op.create_index("idx_report_id", "reports", ["report_id"], unique=False)
    op.create_index("idx_report_part", "reports", ["part_number"], unique=False)
    op.create_index("idx_report_serial", "reports", ["serial_number"], unique=False)
    op.create_index("idx_report_submission", "reports", ["submission_state", "next_try_at"], unique=False)
    op.execute(
        "CREATE VIRTUAL TABLE entry_text USING fts5("
        'name, serial, part, error, tokenize = "unicode61 remove_diacritics 0")'
    )
    op.execute(
        "CREATE TRIGGER events_are_kept BEFORE DELETE ON events "
        "BEGIN SELECT RAISE(ABORT, 'events are never removed'); END"
    )
    op.execute(
        "CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are never changed'); END"
    )
