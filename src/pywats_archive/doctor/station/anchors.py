"""The folders for anchors: there, writable, on another disk than the archive, and with recent anchors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from pywats_archive.archive.anchors.folders import newest_in
from pywats_archive.archive.anchors.making import head_of
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.layout import DESCRIPTION
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.errors import ArchiveError

_LATE = 2
"""Intervals after which an event without an anchor is late."""


def device_of(path: Path) -> int:
    """Return the number of the file system that a folder is on."""
    return path.stat().st_dev


def without_folders() -> StationCheck:
    """Return the hint for a station that writes its anchors nowhere else; they may leave it by mail, so it is no fault."""
    seen = "no anchor_folders: the newest events could be cut off unseen"
    advice = "set anchor_folders to a folder on another disk or share, or mail the line of 'pywats-archive anchor'"
    return StationCheck(topic=Topic.ANCHORS, level=CheckLevel.SKIPPED, seen=seen, advice=advice)


def check_folder(
    folder: Path, roots: Sequence[Path], interval: timedelta, *, device: Callable[[Path], int] = device_of
) -> Iterator[StationCheck]:
    """Yield what is wrong with a folder for anchors, or that nothing is. Writes nothing: it may allow no deletion."""
    if not folder.is_dir():
        yield _check(folder, CheckLevel.FAILED, "is not a folder", "create it, or mount its disk or share")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield _check(
            folder, CheckLevel.FAILED, "this account cannot write here", "let the service's account create files"
        )
        return
    there = [root for root in roots if (root / DESCRIPTION).exists()]
    shared = [str(root) for root in there if device(root) == device(folder)]
    if shared:
        seen = f"is on the same file system as {' and '.join(shared)}, so anchors here prove less"
        yield _check(folder, CheckLevel.WARNING, seen, "name a folder on another disk or share")
    for root in there:
        try:
            yield _age(folder, root, interval)
        except (ArchiveError, OSError) as exc:
            yield _check(folder, CheckLevel.FAILED, str(exc), "check the folder and its rights")


def _age(folder: Path, root: Path, interval: timedelta) -> StationCheck:
    """Compare the newest anchor with the newest event: a station at rest needs no new anchor."""
    with Archive.open(root) as archive:
        newest = newest_in(folder, archive.description.archive_uuid)
        head = head_of(archive)
    begun = (
        f"the newest anchor of {root} is of {newest.at:%Y-%m-%d %H:%M:%S} UTC" if newest else f"no anchor of {root} yet"
    )
    is_current = head is None or (newest is not None and head.at <= newest.at + _LATE * interval)
    if is_current:
        return _check(folder, CheckLevel.OK, begun)
    advice = "start the service, or use 'pywats-archive anchor'"
    return _check(folder, CheckLevel.WARNING, f"{begun}, and there are newer events", advice)


def _check(folder: Path, level: CheckLevel, seen: str, advice: str = "") -> StationCheck:
    return StationCheck(topic=Topic.ANCHORS, subject=str(folder), level=level, seen=seen, advice=advice)
