"""Which entries of a range a replay takes."""

from __future__ import annotations

from enum import Enum


class ReplayMode(str, Enum):
    """Which matching entries are replayed, by their latest conversion."""

    ALL = "all"
    FAILED = "failed"
    WARNED = "warned"
    """Failed ones, and those with warnings."""
