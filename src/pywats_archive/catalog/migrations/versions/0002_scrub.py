"""When each blob was last read back, and what was wrong with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("archive_entries", sa.Column("verified_at", sa.Text(), nullable=True))
    op.add_column("reports", sa.Column("verified_at", sa.Text(), nullable=True))
    op.create_table(
        "scrub",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("next_id", sa.Text(), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("blobs", sa.Integer(), nullable=False),
        sa.Column("read_bytes", sa.Integer(), nullable=False),
        sa.Column("problems", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "findings",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("archive_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("found_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("path"),
    )
