"""The result of an entry's units in its row, indexes to sort by, and the entries up to which the clock was confirmed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_WORDS = (("E", "ERROR"), ("T", "TERMINATED"), ("F", "FAILED"), ("D", "DONE"), ("P", "PASSED"))
"""The worst first; a report has the letter or the word, in any case."""
_RANK = (
    "CASE "
    + " ".join(
        f"WHEN upper(trim(r.result)) IN ('{letter}', '{word}') THEN {rank}"
        for rank, (letter, word) in enumerate(_WORDS)
    )
    + " END"
)
_WORD = (
    "CASE min("
    + _RANK
    + ") "
    + " ".join(f"WHEN {rank} THEN '{word}'" for rank, (_, word) in enumerate(_WORDS))
    + " END"
)
_SHOWN = (
    "SELECT s.conversion_id FROM reports s "
    "WHERE s.archive_id = archive_entries.archive_id AND s.archived_path = archive_entries.report_archived_path"
)
"""The conversion whose reports an entry shows; NULL in a catalog that was rebuilt."""

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


def upgrade() -> None:
    op.add_column("clock", sa.Column("vouched_upto", sa.Integer(), nullable=True))
    op.add_column("archive_entries", sa.Column("result", sa.Text(), nullable=True))
    op.execute(
        f"UPDATE archive_entries SET result = (SELECT {_WORD} FROM reports r "
        f"WHERE r.archive_id = archive_entries.archive_id AND r.conversion_id IS ({_SHOWN})) WHERE report_count > 0"
    )
    op.drop_index("idx_converter", "archive_entries")
    op.create_index("idx_converter", "archive_entries", list(_BY_CONVERTER))
    op.create_index("idx_size", "archive_entries", ["source_size_bytes", "archive_id"])
    for name, columns in {
        "idx_serial": ["serial_number", "archive_id"],
        "idx_duration": ["conversion_duration_ms", "archive_id"],
        "idx_result": ["result", "conversion_timestamp", "archive_id"],
    }.items():
        op.create_index(name, "archive_entries", columns, sqlite_where=sa.text(f"{columns[0]} IS NOT NULL"))
    for name, column in {"idx_warned": "warnings", "idx_purged": "purged_at"}.items():
        columns = ["conversion_timestamp", "archive_id"]
        op.create_index(name, "archive_entries", columns, sqlite_where=sa.text(f"{column} IS NOT NULL"))
