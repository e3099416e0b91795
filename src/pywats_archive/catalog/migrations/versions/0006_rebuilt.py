"""When an entry's row was rebuilt from its blobs: an entry with an unknown outcome ages too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("archive_entries", sa.Column("rebuilt_at", sa.Text()))
