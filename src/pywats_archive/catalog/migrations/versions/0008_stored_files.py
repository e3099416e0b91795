"""The files of a day that are stored alone, with what identifies them when they arrive again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "stored_files",
        sa.Column("day", sa.Text(), primary_key=True, nullable=False),
        sa.Column("name", sa.Text(), primary_key=True, nullable=False),
        sa.Column("size_bytes", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("mtime_ns", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("archived_path", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
