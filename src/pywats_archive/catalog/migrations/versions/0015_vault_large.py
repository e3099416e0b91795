"""The blobs that are objects of their own in a vault, and whether the vault has each.

The known segments are read in the vault again, for the blobs that they name; until then, the vault confirms nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
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
    op.execute("DELETE FROM vault_segments")
