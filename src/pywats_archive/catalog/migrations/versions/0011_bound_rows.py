"""Digests of the rows that an event changed, in the event."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column; ``catalog/first_binding.py`` then binds the rows of earlier versions as they are found."""
    op.add_column("events", sa.Column("bound_rows", sa.Text(), nullable=True))
