"""The differences of two reports by step and field."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pywats_archive.models.operation.replay import Change, ChangeKind
from pywats_archive.web.views.words import visible

_MOST = 1000
_PART = re.compile(r"\[(\d+)\]$")
_STEPS = ("steps", "stepResults")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One field that differs."""

    step: str
    """The names of the steps that lead there; empty for a field of the report itself."""
    field: str
    kind: str
    old: str
    new: str


def rows(changes: Sequence[Change], old: Mapping[str, Any]) -> tuple[Row, ...]:
    """Return the differences, with the names that steps have in the old report."""
    return tuple(_row(change, old) for change in changes[:_MOST])


def _row(change: Change, old: Mapping[str, Any]) -> Row:
    steps: list[str] = []
    fields: list[str] = []
    found: Any = old
    for part in change.path.strip("/").split("/"):
        index = _PART.search(part)
        key = part[: index.start()] if index else part
        found = found.get(key) if isinstance(found, Mapping) else None
        if index:
            members = found if isinstance(found, list) else []
            found = members[int(index[1])] if int(index[1]) < len(members) else None
        if key in _STEPS and index:
            steps.append(_name(found) or f"step {int(index[1]) + 1}")
            fields.clear()
        elif key != "root":
            fields.append(part)
    whole = change.new if change.kind is ChangeKind.ADDED else change.old
    if not fields and isinstance(whole, Mapping):
        steps[-1:] = [_name(whole) or steps[-1]] if steps else []
    return Row(
        step=visible(" / ".join(steps), most=400),
        field=visible(" ".join(fields) or "whole step", most=120),
        kind=change.kind.value,
        old="" if change.kind is ChangeKind.ADDED else _written(change.old),
        new="" if change.kind is ChangeKind.REMOVED else _written(change.new),
    )


def _name(step: object) -> str:
    return str(step.get("name") or "") if isinstance(step, Mapping) else ""


def _written(value: object) -> str:
    if isinstance(value, Mapping):
        value = {key: each for key, each in value.items() if key not in _STEPS and each is not None}
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
