"""What retention needs: bytes on disk, sums kept by triggers, whole policies, purges that can be finished, open alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_BLOCK = 4096
"""The block size of the file system, for blobs of which only the length is on record."""
_ALLOTTED = f"((compressed_size_bytes + {_BLOCK - 1}) / {_BLOCK}) * {_BLOCK}"
_SUMS = (
    "entries, warned, source_size_bytes, compressed_size_bytes, disk_size_bytes, reports, reports_size_bytes, "
    "reports_compressed_bytes"
)


def _status(row: str) -> str:
    return f"CASE WHEN {row}.purged_at IS NULL THEN {row}.conversion_status ELSE 'PURGED' END"


def _place(row: str) -> str:
    return f"converter_name = {row}.converter_name AND day = substr({row}.archive_id, 1, 8) AND status = {_status(row)}"


def _taken_in(row: str) -> str:
    values = (
        f"1, {row}.warnings IS NOT NULL, {row}.source_size_bytes, {row}.compressed_size_bytes, {row}.disk_size_bytes, "
        f"{row}.all_reports, {row}.all_reports_size_bytes, {row}.all_reports_compressed_bytes"
    )
    added = ", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS.split(", "))
    return (
        f"INSERT INTO entry_figures (converter_name, day, status, {_SUMS}) VALUES ({row}.converter_name, "
        f"substr({row}.archive_id, 1, 8), {_status(row)}, {values}) ON CONFLICT DO UPDATE SET {added};"
    )


_LEFT = (
    "UPDATE entry_figures SET entries = entries - 1, warned = warned - (OLD.warnings IS NOT NULL), "
    "source_size_bytes = source_size_bytes - OLD.source_size_bytes, "
    "compressed_size_bytes = compressed_size_bytes - OLD.compressed_size_bytes, "
    "disk_size_bytes = disk_size_bytes - OLD.disk_size_bytes, reports = reports - OLD.all_reports, "
    "reports_size_bytes = reports_size_bytes - OLD.all_reports_size_bytes, "
    "reports_compressed_bytes = reports_compressed_bytes - OLD.all_reports_compressed_bytes "
    f"WHERE {_place('OLD')};"
)
_CHANGED = (
    "UPDATE entry_figures SET warned = warned + (NEW.warnings IS NOT NULL) - (OLD.warnings IS NOT NULL), "
    "disk_size_bytes = disk_size_bytes + NEW.disk_size_bytes - OLD.disk_size_bytes, "
    "reports = reports + NEW.all_reports - OLD.all_reports, "
    "reports_size_bytes = reports_size_bytes + NEW.all_reports_size_bytes - OLD.all_reports_size_bytes, "
    "reports_compressed_bytes = reports_compressed_bytes + NEW.all_reports_compressed_bytes "
    f"- OLD.all_reports_compressed_bytes WHERE {_place('NEW')};"
)
_WATCHED = "conversion_status, warnings, purged_at, disk_size_bytes, all_reports"
_SAME = f"{_status('OLD')} = {_status('NEW')}"
_TRIGGERS = (
    f"CREATE TRIGGER entry_comes AFTER INSERT ON archive_entries BEGIN {_taken_in('NEW')} END",
    f"CREATE TRIGGER entry_changes AFTER UPDATE OF {_WATCHED} ON archive_entries WHEN {_SAME} BEGIN {_CHANGED} END",
    f"CREATE TRIGGER entry_goes_on AFTER UPDATE OF {_WATCHED} ON archive_entries WHEN NOT ({_SAME}) "
    f"BEGIN {_LEFT} {_taken_in('NEW')} END",
    "CREATE TRIGGER report_comes AFTER INSERT ON reports BEGIN UPDATE archive_entries SET "
    "all_reports = all_reports + 1, all_reports_size_bytes = all_reports_size_bytes + NEW.size_bytes, "
    "all_reports_compressed_bytes = all_reports_compressed_bytes + NEW.compressed_size_bytes, "
    "disk_size_bytes = disk_size_bytes + NEW.disk_size_bytes WHERE archive_id = NEW.archive_id; END",
    "CREATE TRIGGER report_shrinks AFTER UPDATE OF disk_size_bytes ON reports BEGIN UPDATE archive_entries SET "
    "disk_size_bytes = disk_size_bytes + NEW.disk_size_bytes - OLD.disk_size_bytes "
    "WHERE archive_id = NEW.archive_id AND purged_at IS NULL; END",
)


def upgrade() -> None:
    _add_columns()
    _add_tables()
    _fill()
    for trigger in _TRIGGERS:
        op.execute(trigger)


def _add_columns() -> None:
    for column in (
        sa.Column("held_by", sa.Text()),
        sa.Column("held_at", sa.Text()),
        sa.Column("purge_id", sa.Integer()),
        sa.Column("disk_size_bytes", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("all_reports", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("all_reports_size_bytes", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("all_reports_compressed_bytes", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("archive_entries", column)
    op.add_column("reports", sa.Column("disk_size_bytes", sa.Integer(), nullable=False, server_default="0"))
    for column in (
        sa.Column("failed_retention_days", sa.Integer()),
        sa.Column("min_entries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("min_days", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("purge_unsubmitted", sa.Boolean(), nullable=False, server_default=sa.text("0")),
        sa.Column("confirmed", sa.Boolean(), nullable=False, server_default=sa.text("1")),
        sa.Column("dates_follow_from", sa.Integer()),
    ):
        op.add_column("retention_policies", column)
    op.add_column("purge_history", sa.Column("actor", sa.Text(), nullable=False, server_default="service"))
    op.add_column("purge_history", sa.Column("finished_at", sa.Text()))
    op.drop_index("idx_retention", "archive_entries")
    op.create_index(
        "idx_retention",
        "archive_entries",
        ["converter_name", "archive_id", "conversion_status", "disk_size_bytes", "hold_reason"],
        sqlite_where=sa.text("purged_at IS NULL"),
    )
    op.create_index("idx_purge", "archive_entries", ["purge_id"], sqlite_where=sa.text("purge_id IS NOT NULL"))


def _add_tables() -> None:
    sums = [sa.Column(name, sa.Integer(), nullable=False) for name in _SUMS.split(", ")]
    op.create_table(
        "entry_figures",
        sa.Column("converter_name", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        *sums,
        sa.PrimaryKeyConstraint("converter_name", "day", "status"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alerts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "subject"),
    )


def _fill() -> None:
    """Add the existing entries to the sums; a blob's disk space is derived from its length, since no version recorded it."""
    op.execute(f"UPDATE reports SET disk_size_bytes = {_ALLOTTED}")
    op.execute(
        f"UPDATE archive_entries SET disk_size_bytes = {_ALLOTTED} + r.disk, all_reports = r.number, "
        "all_reports_size_bytes = r.size, all_reports_compressed_bytes = r.compressed FROM ("
        "SELECT archive_id, count(*) AS number, sum(size_bytes) AS size, sum(compressed_size_bytes) AS compressed, "
        "sum(disk_size_bytes) AS disk FROM reports GROUP BY archive_id) AS r "
        "WHERE r.archive_id = archive_entries.archive_id"
    )
    op.execute(f"UPDATE archive_entries SET disk_size_bytes = {_ALLOTTED} WHERE all_reports = 0")
    op.execute(
        f"INSERT INTO entry_figures (converter_name, day, status, {_SUMS}) SELECT converter_name, "
        f"substr(archive_id, 1, 8), {_status('archive_entries')}, count(*), count(warnings), sum(source_size_bytes), "
        "sum(compressed_size_bytes), sum(disk_size_bytes), sum(all_reports), sum(all_reports_size_bytes), "
        "sum(all_reports_compressed_bytes) FROM archive_entries GROUP BY 1, 2, 3"
    )
