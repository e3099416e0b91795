"""The path and the values of a change, as people read them. Pure."""

from __future__ import annotations

import re
from typing import Any

from pywats_archive.models.operation.replay import Change, ChangeGroup, ChangeKind

_LONGEST = 60


def pattern_of(path: str) -> str:
    """Return a path without the positions in lists: the same change of many steps has one pattern."""
    return re.sub(r"\[\d+\]", "[*]", path)


def arrow_of(change: Change | ChangeGroup) -> str:
    """Return the values of a change in one line, shortened."""
    if change.kind is ChangeKind.ADDED:
        return f"+ {_short(change.new)}"
    if change.kind is ChangeKind.REMOVED:
        return f"- {_short(change.old)}"
    return f"{_short(change.old)} → {_short(change.new)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
