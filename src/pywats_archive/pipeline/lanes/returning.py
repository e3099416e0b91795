"""Giving sources their own names back that a crash or an error left under private ones in a watch folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pywats_archive.archive.sources import leaving
from pywats_archive.errors import ArchiveError
from pywats_archive.pipeline.lanes.lane import Lane


def give_back(lane: Lane, private_paths: Iterable[str]) -> dict[str, str]:
    """Rename sources back to their own names; returns the private paths of those that must wait, each with the reason.

    A source waits while a newer one has its name. It is not given another name: a converter may read the name.
    """
    waiting = {}
    for private in map(Path, sorted(private_paths)):
        try:
            if reason := _waits_for(lane, private):
                waiting[str(private)] = reason
        except (ArchiveError, OSError) as exc:
            waiting[str(private)] = f"is a source that cannot be renamed back ({exc}); the next scan tries again"
    return waiting


def _waits_for(lane: Lane, private: Path) -> str | None:
    """Rename a source back to its own name; returns why it must wait, else None."""
    path = leaving.original_of(private) or _original_among(lane, private)
    if path is None:
        is_here = os.path.lexists(private)
        return "is a source whose own name is unknown: neither this name nor the ledger has it" if is_here else None
    if leaving.give_back_left(private, path) is False:
        return f"is a source that waits for its name, {path.name}, which another source has"
    return None


def _original_among(lane: Lane, private: Path) -> Path | None:
    """Return the path of an unfinished source that has this private path."""
    paths = (Path(arrival.path) for arrival in lane.ledger.unfinished())
    return next((path for path in paths if private in leaving.private_names(path)), None)
