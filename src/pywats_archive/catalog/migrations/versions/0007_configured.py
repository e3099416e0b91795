"""What the configuration said about each converter's policy when it was last seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "configured",
        sa.Column("converter_name", sa.Text(), primary_key=True, nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
    )
