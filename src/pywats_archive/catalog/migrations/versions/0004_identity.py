"""What identifies a source in a watch folder: its inode, when that changed, and the checksum of a file that stays there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_STAYED = "state IN ('done', 'skipped', 'rejected') AND moved_to IS NULL AND archive_id IS NOT NULL"


def upgrade() -> None:
    for name in ("inode", "ctime_ns", "kept_checksum"):
        op.add_column("arrivals", sa.Column(name, sa.Text()))
    op.create_index(
        "idx_arrival_kept", "arrivals", ["kept_checksum"], sqlite_where=sa.text("kept_checksum IS NOT NULL")
    )
    op.execute(
        "UPDATE arrivals SET kept_checksum = (SELECT source_checksum FROM archive_entries e "
        f"WHERE e.archive_id = arrivals.archive_id) WHERE {_STAYED}"
    )
