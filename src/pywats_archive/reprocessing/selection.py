"""How the entries of a run were chosen: the record of it, and samples. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import Any

from pywats_archive.models.operation.replay_mode import ReplayMode
from pywats_archive.models.query import EntryFilter

_MOST_IDS = 10


def by_filter(wanted: EntryFilter, mode: ReplayMode = ReplayMode.ALL) -> dict[str, Any]:
    """Record a filter: each condition by its name; ``{"all": True}`` if there is none."""
    plain = EntryFilter()
    named = {each.name: getattr(wanted, each.name) for each in fields(wanted)}
    conditions = {name: _plain(value) for name, value in named.items() if value != getattr(plain, name)}
    if mode is not ReplayMode.ALL:
        conditions["mode"] = mode.value
    is_all = not conditions.keys() - {"newest_first"}
    return {"all": True, **conditions} if is_all else conditions


def by_ids(archive_ids: Sequence[str]) -> dict[str, Any]:
    """Record ids; of many only the first ones, since a run has them all."""
    return {"archive_ids": list(archive_ids[:_MOST_IDS])}


def sample(archive_ids: Sequence[str], number: int, *, seed: str | None = None) -> list[str]:
    """Return so many of these ids, in their order: evenly spaced, or at random as a seed decides."""
    if number >= len(archive_ids):
        return list(archive_ids)
    if seed is None:
        return [archive_ids[(2 * place + 1) * len(archive_ids) // (2 * number)] for place in range(number)]
    drawn = set(sorted(archive_ids, key=lambda each: hashlib.sha256(f"{seed}/{each}".encode()).digest())[:number])
    return [each for each in archive_ids if each in drawn]


def sampled(selection: dict[str, Any], number: int, *, of: int, seed: str | None) -> dict[str, Any]:
    """Record that a sample was taken of what a selection matched."""
    return {**selection, "sample": min(number, of), "sample_of": of, "sample_seed": seed}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, Enum) else value
