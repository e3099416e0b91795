"""Which objects in a vault are damaged, and what repairs them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "vault_damage",
        sa.Column("vault", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("found_at", sa.Text(), nullable=False),
        sa.Column("repair", sa.Text()),
        sa.Column("repair_size_bytes", sa.Integer()),
        sa.PrimaryKeyConstraint("vault", "key"),
        sqlite_with_rowid=False,
    )
