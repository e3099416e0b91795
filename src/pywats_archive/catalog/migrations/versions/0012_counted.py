"""The finished arrivals as sums, and indexes of what is unfinished, moved, held or rare among many rows.

The entries of a part number are found in its index alone, without a row of each report.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_FINAL = "state IN ('done', 'failed', 'refused', 'skipped', 'rejected', 'vanished')"
_OPEN = _FINAL.replace(" IN ", " NOT IN ")
_RARE = "kind NOT IN ('source.archived', 'conversion.recorded', 'report.accepted', 'rows')"
_ADDED = (
    "INSERT INTO arrival_figures (converter_name, day, state, arrivals, first_arrival) {} ON CONFLICT DO UPDATE SET "
    "arrivals = arrivals + 1, first_arrival = min(first_arrival, excluded.first_arrival);"
)
_ENDED = _ADDED.format("VALUES (NEW.converter_name, substr(NEW.first_seen_at, 1, 10), NEW.state, 1, NEW.arrival_id)")
_ALL_ENDED = _ADDED.format(
    f"SELECT converter_name, substr(first_seen_at, 1, 10), state, 1, arrival_id FROM arrivals WHERE {_FINAL}"
)
"""One by one: a GROUP BY would sort them all in memory."""
_RESUMED = (
    "UPDATE arrival_figures SET arrivals = arrivals - 1 WHERE converter_name = OLD.converter_name "
    "AND day = substr(OLD.first_seen_at, 1, 10) AND state = OLD.state;"
)
_CHANGED = "AFTER UPDATE OF converter_name, first_seen_at, state ON arrivals"
_TRIGGERS = (
    f"CREATE TRIGGER arrival_comes_ended AFTER INSERT ON arrivals WHEN NEW.{_FINAL} BEGIN {_ENDED} END",
    f"CREATE TRIGGER arrival_goes AFTER DELETE ON arrivals WHEN OLD.{_FINAL} BEGIN {_RESUMED} END",
    f"CREATE TRIGGER arrival_resumes {_CHANGED} WHEN OLD.{_FINAL} BEGIN {_RESUMED} END",
    f"CREATE TRIGGER arrival_ends {_CHANGED} WHEN NEW.{_FINAL} BEGIN {_ENDED} END",
)


def upgrade() -> None:
    op.create_table(
        "arrival_figures",
        sa.Column("converter_name", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("arrivals", sa.Integer(), nullable=False),
        sa.Column("first_arrival", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("converter_name", "day", "state"),
        sqlite_with_rowid=False,
    )
    op.execute(_ALL_ENDED)
    for trigger in _TRIGGERS:
        op.execute(trigger)
    for name, table, columns, where in (
        ("idx_arrival_open", "arrivals", ["converter_name", "state", "archive_id"], _OPEN),
        ("idx_arrival_moved", "arrivals", ["moved_to"], "moved_to IS NOT NULL"),
        ("idx_held", "archive_entries", ["archive_id"], "hold_reason IS NOT NULL"),
        ("idx_event_rare", "events", ["kind"], _RARE),
    ):
        op.create_index(name, table, columns, sqlite_where=sa.text(where))
    op.drop_index("idx_report_part", "reports")
    op.create_index("idx_report_part", "reports", ["part_number", "archive_id"])
