"""Which vault must have an entry before it is purged, and which blobs it lacks or has beside the segments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "vault_gate",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("vault", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", sa.Text()),
    )
    op.create_table(
        "vault_absent",
        sa.Column("vault", sa.Text(), nullable=False),
        sa.Column("archive_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("vault", "archive_id", "path"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "vault_large",
        sa.Column("vault", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("archive_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("is_there", sa.Boolean()),
        sa.PrimaryKeyConstraint("vault", "path"),
        sqlite_with_rowid=False,
    )
