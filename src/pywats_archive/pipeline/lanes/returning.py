"""Giving sources their own names back that a crash or an error left under private ones in a watch folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pywats_archive.archive.sources import leaving
from pywats_archive.pipeline.lanes.lane import Lane


def give_back(lane: Lane, private_paths: Iterable[str]) -> dict[str, str]:
    """Rename sources back to their own names; returns the private paths of those that must wait, each with its own name.

    A source waits while a newer one has its name. It is not given another name: a converter may read the name.
    """
    waiting = {}
    for private in map(Path, sorted(private_paths)):
        path = leaving.original_of(private) or _original_among(lane, private)
        if path is None or leaving.give_back_left(private, path) is False:
            waiting[str(private)] = path.name if path else "known to nobody"
    return waiting


def _original_among(lane: Lane, private: Path) -> Path | None:
    """Return the path of an unfinished source that has this private path."""
    paths = (Path(arrival.path) for arrival in lane.ledger.unfinished())
    return next((path for path in paths if private in leaving.private_names(path)), None)
