"""What a lane and its arrivals are known by, also after a reload has replaced the lane."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class LaneKey(NamedTuple):
    """A converter's name, and the folder of its archive if it has one."""

    converter: str
    root: Path | None


class Key(NamedTuple):
    """An arrival among those of all lanes: its number is unique in its lane's ledger."""

    lane: LaneKey
    number: int
