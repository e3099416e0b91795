"""Retention policies: a row for each converter with its own, and one default policy."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import upkeep_tables
from pywats_archive.catalog.column_types import moment_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.rows import Rows
from pywats_archive.models.retention.policy import EVERY_OTHER, RetentionPolicy

_APART = ("created_at", "updated_at", "confirmed", "dates_follow_from")
_ROWS = Rows(upkeep_tables.retention_policies, key="id", apart=_APART)
_PUT = (
    f"INSERT INTO retention_policies ({', '.join(_ROWS.names)}, created_at, updated_at, confirmed, dates_follow_from) "
    f"VALUES ({', '.join('?' * len(_ROWS.names))}, ?, ?, ?, ?) ON CONFLICT (converter_name) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in (*_ROWS.names, "updated_at", "confirmed", "dates_follow_from"))
)
_FOLLOW = (
    "UPDATE archive_entries SET retention_until = date(substr(archive_id, 1, 4) || '-' || "
    "substr(archive_id, 5, 2) || '-' || substr(archive_id, 7, 2), '+' || "
    "CASE conversion_status WHEN 'FAILED' THEN ? ELSE ? END || ' days') "
    "WHERE entry_no > ? AND entry_no <= ? AND purged_at IS NULL AND converter_name = ?"
)


def own(db: Connection, converter_name: str) -> RetentionPolicy | None:
    """Return the policy of exactly this name (``*``: the default policy), if there is one."""
    row = execute(db, f"{_ROWS.select} WHERE converter_name = ?", (converter_name,)).fetchone()
    return _policy(row) if row else None


def effective(db: Connection, converter_name: str) -> RetentionPolicy:
    """Return the policy that applies to a converter: its own, the default policy, or what applies if none was set."""
    found = own(db, converter_name) or own(db, EVERY_OTHER)
    values = found.as_details() if found else {}
    return RetentionPolicy(converter_name=converter_name, **values)


def all_own(db: Connection) -> tuple[RetentionPolicy, ...]:
    """Return every policy that was set, in the order of names."""
    return tuple(map(_policy, execute(db, f"{_ROWS.select} ORDER BY converter_name")))


def put(tx: Connection, policy: RetentionPolicy, *, now: datetime, confirmed: bool) -> None:
    """Set a policy; the dates of its entries have to follow (see ``follow``)."""
    values = [getattr(policy, name) for name in _ROWS.names]
    newest = execute(tx, "SELECT coalesce(max(entry_no), 0) FROM archive_entries").fetchone()[0]
    execute(tx, _PUT, (*values, moment_to_text(now), moment_to_text(now), confirmed, newest))


def remove(tx: Connection, converter_name: str) -> None:
    """Remove a converter's own policy."""
    execute(tx, "DELETE FROM retention_policies WHERE converter_name = ?", (converter_name,))


def is_confirmed(db: Connection, converter_name: str) -> bool:
    """Whether the policy that applies to a converter may purge everything that it names."""
    query = (
        "SELECT confirmed FROM retention_policies WHERE converter_name IN (?, ?) ORDER BY converter_name = ? LIMIT 1"
    )
    row = execute(db, query, (converter_name, EVERY_OTHER, EVERY_OTHER)).fetchone()
    return row is not None and bool(row[0])


def unconfirmed(db: Connection) -> tuple[str, ...]:
    """Return the policies that nobody confirmed; the default policy is one of them until somebody sets it."""
    rows = dict(execute(db, "SELECT converter_name, confirmed FROM retention_policies").fetchall())
    return tuple(sorted(name for name, confirmed in {EVERY_OTHER: 0, **rows}.items() if not confirmed))


def ruled_by(db: Connection, policy_name: str) -> tuple[str, ...]:
    """Return the converters that a policy applies to."""
    if policy_name != EVERY_OTHER:
        return (policy_name,)
    query = (
        "SELECT DISTINCT converter_name FROM entry_figures WHERE converter_name NOT IN "
        "(SELECT converter_name FROM retention_policies) ORDER BY 1"
    )
    return tuple(name for (name,) in execute(db, query))


def has_entries(db: Connection, converter_name: str) -> bool:
    """Whether a converter has, or had, any entry."""
    query = "SELECT 1 FROM entry_figures WHERE converter_name = ? LIMIT 1"
    return execute(db, query, (converter_name,)).fetchone() is not None


def confirm(tx: Connection, converter_name: str, *, now: datetime) -> None:
    """Allow the policy that applies to a converter to purge everything that it names."""
    holds = converter_name if own(tx, converter_name) else EVERY_OTHER
    if own(tx, holds) is None:
        put(tx, RetentionPolicy(converter_name=EVERY_OTHER), now=now, confirmed=True)
    execute(tx, "UPDATE retention_policies SET confirmed = 1 WHERE converter_name = ?", (holds,))


def unfollowed(db: Connection) -> tuple[str, ...]:
    """Return the names of the policies that some dates do not follow yet."""
    query = "SELECT converter_name FROM retention_policies WHERE dates_follow_from > 0"
    return tuple(name for (name,) in execute(db, query))


def follow(tx: Connection, policy_name: str, count: int) -> bool:
    """Bring ``retention_until`` of some of the next ``count`` entries in line with their policy; True if none is left."""
    query = "SELECT dates_follow_from FROM retention_policies WHERE converter_name = ?"
    row = execute(tx, query, (policy_name,)).fetchone()
    if row is None or not row[0]:
        return True
    upto, since = row[0], max(0, row[0] - count)
    for policy in [effective(tx, name) for name in ruled_by(tx, policy_name)]:
        days, failed = policy.days_for(failed=False), policy.days_for(failed=True)
        execute(tx, _FOLLOW, (failed, days, since, upto, policy.converter_name))
    execute(
        tx, "UPDATE retention_policies SET dates_follow_from = ? WHERE converter_name = ?", (since or None, policy_name)
    )
    return bool(since == 0)


def _policy(row: Any) -> RetentionPolicy:
    values = _ROWS.decode(row)
    flags = {name: bool(values[name]) for name in ("enabled", "purge_unsubmitted")}
    return RetentionPolicy(**values | flags)
