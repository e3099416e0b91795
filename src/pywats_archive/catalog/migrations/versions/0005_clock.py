"""The time for retention: the last trusted moment, and entries received while the clock was not trusted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "clock",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("believed_at", sa.Text(), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("uptime_s", sa.Float(), nullable=False),
        sa.Column("credit_s", sa.Float(), nullable=False),
        sa.Column("voucher", sa.Text(), nullable=False),
        sa.Column("is_disputed", sa.Boolean(), nullable=False),
        sa.Column("doubted_since", sa.Text()),
        sa.Column("doubted_after", sa.Integer()),
    )
    op.create_table(
        "misdated",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("after_entry", sa.Integer(), nullable=False),
        sa.Column("upto_entry", sa.Integer(), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=False),
    )
