"""The tables of retention, checks, alerts, the clock and runs."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

from pywats_archive.catalog.column_types import Json, Moment

metadata = MetaData()
"""Of every table of the catalog."""

scrub = Table(
    "scrub",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("next_id", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("blobs", Integer, nullable=False),
    Column("read_bytes", Integer, nullable=False),
    Column("problems", Integer, nullable=False),
)
"""One row: which entry is read back next, and what was read since the last event of the scrub."""

findings = Table(
    "findings",
    metadata,
    Column("path", Text, primary_key=True),
    Column("archive_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("found_at", Moment, nullable=False),
)
"""The scrub's open findings, by blob."""

retention_policies = Table(
    "retention_policies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("converter_name", Text, nullable=False, unique=True),
    Column("retention_days", Integer, nullable=False),
    Column("max_size_gb", Float, nullable=False),
    Column("compression_level", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("failed_retention_days", Integer),
    Column("min_entries", Integer, nullable=False, server_default="0"),
    Column("min_days", Integer, nullable=False, server_default="0"),
    Column("purge_unsubmitted", Boolean, nullable=False, server_default=text("0")),
    Column("confirmed", Boolean, nullable=False, server_default=text("1")),
    Column("dates_follow_from", Integer),
)
"""A policy for each converter with its own; ``*`` is the default policy.

``dates_follow_from``: the entry from which on the dates still have to follow the policy, newest first; NULL if all do.
"""

configured = Table(
    "configured",
    metadata,
    Column("converter_name", Text, primary_key=True),
    Column("said", Json, nullable=False),
    Column("seen_at", Moment, nullable=False),
)
"""What the configuration said about each converter's policy when last seen, by the names of a policy."""

purge_history = Table(
    "purge_history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("purge_timestamp", Moment, nullable=False),
    Column("converter_name", Text, nullable=False),
    Column("archives_purged", Integer, nullable=False),
    Column("bytes_freed", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False, server_default="service"),
    Column("finished_at", Moment),
)
"""Each purge of some entries for one reason; until ``finished_at`` their blobs may still exist."""

alerts = Table(
    "alerts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("raised_at", Moment, nullable=False),
    Column("details", Json, nullable=False),
)
"""The open alerts of a service."""

clock = Table(
    "clock",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("believed_at", Moment, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("uptime_s", Float, nullable=False),
    Column("credit_s", Float, nullable=False),
    Column("voucher", Text, nullable=False),
    Column("is_disputed", Boolean, nullable=False),
    Column("doubted_since", Moment),
    Column("doubted_after", Integer),
    Column("vouched_upto", Integer),
)
"""One row: the last trusted moment, with its uptime; see ``models/retention/clock.py``."""

misdated = Table(
    "misdated",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("after_entry", Integer, nullable=False),
    Column("upto_entry", Integer, nullable=False),
    Column("received_by", Moment, nullable=False),
)
"""Entries (by ``entry_no``) that were received during a clock doubt; they count as received when it ended."""

runs = Table(
    "runs",
    metadata,
    Column("run_id", Integer, primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("request", Json, nullable=False),
)

run_items = Table(
    "run_items",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.run_id"), primary_key=True),
    Column("archive_id", Text, ForeignKey("archive_entries.archive_id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("result", Json),
)

vault_segments = Table(
    "vault_segments",
    metadata,
    Column("vault", Text, primary_key=True),
    Column("chain", Text, primary_key=True),
    Column("first", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    Column("entry_no", Integer, nullable=False),
    Column("report_no", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("shipped_at", Moment, nullable=False),
    sqlite_with_rowid=False,
)
"""The segments that a vault has: their events, and the greatest numbers of an entry and of a report in them.

A copy of what the vault says, which is read again there if it is lost.
"""

vault_gate = Table(
    "vault_gate",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("vault", Text, nullable=False),
    Column("chain", Text, nullable=False),
    Column("last", Integer, nullable=False),
    Column("confirmed_at", Moment),
)
"""One row if nothing may be purged that a vault has not confirmed: up to which event it has a history, and when it said so."""

vault_absent = Table(
    "vault_absent",
    metadata,
    Column("vault", Text, primary_key=True),
    Column("archive_id", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    sqlite_with_rowid=False,
)
"""The blobs that a segment had to leave out, since they were missing or damaged here."""

vault_large = Table(
    "vault_large",
    metadata,
    Column("vault", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("archive_id", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("is_there", Boolean),
    sqlite_with_rowid=False,
)
"""The blobs that are objects of their own in a vault, and whether the vault had each when it was asked last (NULL: not yet)."""

vault_damage = Table(
    "vault_damage",
    metadata,
    Column("vault", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("found_at", Moment, nullable=False),
    Column("repair", Text),
    Column("repair_size_bytes", Integer),
    sqlite_with_rowid=False,
)
"""The segments and blobs in a vault that a check found damaged or missing, and the object that repairs each (NULL: none)."""
