"""Why conversions failed, without what differs from file to file, and an index of it."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_OWN = re.compile(r"""'[^']*'|"[^"]*"|\S*[\d/\\]\S*""")
_FAILED = (
    "SELECT entry_no, substr(CAST(conversion_error AS BLOB), 1, 4000) FROM archive_entries "
    "WHERE conversion_status = 'FAILED' AND entry_no > {} "
)
"""As bytes: a catalog made whole again may have errors that are no text."""
_AT_ONCE = 1000


def upgrade() -> None:
    op.add_column("archive_entries", sa.Column("failure_reason", sa.Text(), nullable=True))
    connection, last = op.get_bind(), -1
    while found := connection.exec_driver_sql(f"{_FAILED.format(last)} ORDER BY entry_no LIMIT {_AT_ONCE}").fetchall():
        named = [(_reason((error or b"").decode("utf-8", "replace")), number) for number, error in found]
        connection.exec_driver_sql("UPDATE archive_entries SET failure_reason = ? WHERE entry_no = ?", named)
        last = found[-1][0]
    op.create_index(
        "idx_failed",
        "archive_entries",
        ["failure_reason", "conversion_timestamp", "archive_id", "purged_at"],
        sqlite_where=sa.text("failure_reason IS NOT NULL"),
    )


def _reason(error: str) -> str:
    first = error.strip().partition("\n")[0][:1000]
    words = _OWN.sub("…", first).encode("utf-8", "replace").decode().split()
    return " ".join(word.replace("\0", "…") for word in words)[:200].strip() or "…"
