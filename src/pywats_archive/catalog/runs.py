"""Runs: each reprocessing of a set of entries, and the state of each entry."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import json_to_text, messages_to_text, moment_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.errors import UnknownRun
from pywats_archive.models.operation.replay import (
    Change,
    ChangeKind,
    CodeChange,
    Comparison,
    Effect,
    ItemResult,
    ItemState,
    Run,
    RunState,
)

_COUNTS = "SELECT state, count(*) FROM run_items WHERE run_id = ? GROUP BY 1"
_RUN = "SELECT run_id, created_at, actor, state, request FROM runs"
_SET_ITEM = "UPDATE run_items SET state = ?, result = ? WHERE run_id = ? AND archive_id = ? AND state = 'planned'"


def add(tx: Connection, request: Mapping[str, Any], archive_ids: Sequence[str], *, actor: str, now: datetime) -> int:
    """Add a run with all its entries planned, in their order; returns its number."""
    number = execute(
        tx,
        "INSERT INTO runs (created_at, actor, state, request) VALUES (?, ?, ?, ?)",
        (moment_to_text(now), actor, RunState.RUNNING.value, json_to_text(dict(request))),
    ).lastrowid
    assert number is not None
    insert = "INSERT INTO run_items (run_id, archive_id, state) VALUES (?, ?, 'planned')"
    for archive_id in archive_ids:
        execute(tx, insert, (number, archive_id))
    return number


def get(db: Connection, run_id: int) -> Run:
    """Return a run; UnknownRun if there is none."""
    row = execute(db, f"{_RUN} WHERE run_id = ?", (run_id,)).fetchone()
    if row is None:
        raise UnknownRun(f"there is no run {run_id}; 'pywats-archive reprocess list' shows the runs")
    return _run(db, row)


def latest(db: Connection, limit: int) -> tuple[Run, ...]:
    """Return the latest runs, newest first."""
    rows = execute(db, f"{_RUN} ORDER BY run_id DESC LIMIT ?", (limit,)).fetchall()
    return tuple(_run(db, row) for row in rows)


def planned(db: Connection, run_id: int, limit: int) -> tuple[str, ...]:
    """Return the next entries of a run that are still planned."""
    query = "SELECT archive_id FROM run_items WHERE run_id = ? AND state = 'planned' ORDER BY rowid LIMIT ?"
    return tuple(archive_id for (archive_id,) in execute(db, query, (run_id, limit)))


def set_item(tx: Connection, run_id: int, result: ItemResult) -> bool:
    """Store the result of an entry, once; False if it is known already."""
    values = messages_to_text(item_as_json(result))
    return execute(tx, _SET_ITEM, (result.state.value, values, run_id, result.archive_id)).rowcount > 0


def items(db: Connection, run_id: int, after: int, limit: int) -> tuple[list[ItemResult], int]:
    """Return the results of the next entries, in order, and the position of the last; a planned one has none yet."""
    query = (
        "SELECT rowid, archive_id, state, result FROM run_items WHERE run_id = ? AND rowid > ? ORDER BY rowid LIMIT ?"
    )
    rows = execute(db, query, (run_id, after, limit)).fetchall()
    found = [item_of(archive_id, state, json.loads(values) if values else {}) for _, archive_id, state, values in rows]
    return found, rows[-1][0] if rows else after


def same_since(
    db: Connection, since: int, request: Mapping[str, Any], archive_ids: Collection[str] | None
) -> int | None:
    """Return the newest run behind a number with the same request and, unless None, the same entries; None if there is none."""
    behind = execute(db, "SELECT run_id, request FROM runs WHERE run_id > ? ORDER BY run_id DESC", (since,)).fetchall()
    wanted = json.loads(json_to_text(dict(request)))
    alike = (run_id for run_id, text in behind if json.loads(text) == wanted)
    if archive_ids is None:
        return next(alike, None)
    return next((run_id for run_id in alike if _entries(db, run_id) == set(archive_ids)), None)


def _entries(db: Connection, run_id: int) -> set[str]:
    return {each for (each,) in execute(db, "SELECT archive_id FROM run_items WHERE run_id = ?", (run_id,)).fetchall()}


def state(db: Connection, run_id: int) -> RunState:
    """Return the state of an existing run."""
    return RunState(execute(db, "SELECT state FROM runs WHERE run_id = ?", (run_id,)).fetchone()[0])


def running(db: Connection) -> tuple[int, ...]:
    """Return the runs that are running, or were interrupted, oldest first."""
    query = "SELECT run_id FROM runs WHERE state = ? ORDER BY run_id"
    return tuple(number for (number,) in execute(db, query, (RunState.RUNNING.value,)))


def asked(db: Connection, run_id: int) -> tuple[RunState, dict[str, Any]]:
    """Return the state of an existing run, and its request; costs one row."""
    state, request = execute(db, "SELECT state, request FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    return RunState(state), json.loads(request)


def set_state(tx: Connection, run_id: int, state: RunState) -> None:
    """Store the state of a run."""
    execute(tx, "UPDATE runs SET state = ? WHERE run_id = ?", (state.value, run_id))


def _run(db: Connection, row: Any) -> Run:
    run_id, created, actor, state, request = row
    counts = dict(execute(db, _COUNTS, (run_id,)).fetchall())
    return Run(
        run_id=run_id,
        created_at=datetime.fromisoformat(created),
        actor=actor,
        state=RunState(state),
        request=json.loads(request),
        planned=counts.get(ItemState.PLANNED.value, 0),
        done=counts.get(ItemState.DONE.value, 0),
        skipped=counts.get(ItemState.SKIPPED.value, 0),
    )


def item_as_json(result: ItemResult) -> dict[str, Any]:
    """Return the result of an entry as it is stored, without its id and state."""
    return {
        "skipped_because": result.skipped_because,
        "status": result.status,
        "error": result.error,
        "comparison": result.comparison.value if result.comparison else None,
        "changes": _changes_as_json(result.changes),
        "volatile": _changes_as_json(result.volatile),
        "effects": [effect.value for effect in result.effects],
        "no_successor": list(result.no_successor),
        "serial_number": result.serial_number,
        "old_verdict": result.old_verdict,
        "new_verdict": result.new_verdict,
        "duration_ms": result.duration_ms,
        "code": asdict(result.code) if result.code else None,
    }


def item_of(archive_id: str, state: str, values: dict[str, Any]) -> ItemResult:
    """Read what ``item_as_json`` returned."""
    return ItemResult(
        archive_id=archive_id,
        state=ItemState(state),
        skipped_because=values.get("skipped_because"),
        status=values.get("status"),
        error=values.get("error"),
        comparison=Comparison(values["comparison"]) if values.get("comparison") else None,
        changes=_changes(values.get("changes", ())),
        volatile=_changes(values.get("volatile", ())),
        effects=tuple(map(Effect, values.get("effects", ()))),
        no_successor=tuple(values.get("no_successor", ())),
        serial_number=values.get("serial_number"),
        old_verdict=values.get("old_verdict"),
        new_verdict=values.get("new_verdict"),
        duration_ms=values.get("duration_ms", 0),
        code=CodeChange(**values["code"]) if values.get("code") else None,
    )


def _changes_as_json(changes: Sequence[Change]) -> list[list[Any]]:
    return [[each.path, each.kind.value, each.old, each.new] for each in changes]


def _changes(values: Sequence[Sequence[Any]]) -> tuple[Change, ...]:
    return tuple(Change(path=path, kind=ChangeKind(kind), old=old, new=new) for path, kind, old, new in values)
