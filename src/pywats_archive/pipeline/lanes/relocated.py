"""Sources in hand whose watch folder has another name now, or is another converter's: they are known there, and sent once.

The ledger knows a source by its path. Where that has changed it is asked who had this file, by place, inode and checksum.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import reading
from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.errors import ArchiveError
from pywats_archive.host.settings.neighbours import real
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.entry import SourceKind
from pywats_archive.pipeline.lanes.lane import Lane


def in_hand_elsewhere(archive: Archive, station: StationConfig) -> tuple[Arrival, ...]:
    """Return what an archive has in hand in other folders than its converter watches now; nothing, as a rule."""
    folders = {c.name: c.watch_folder for c in station.converters if c.watch_folder}
    found = ledger.unfinished_outside(archive, folders)
    return tuple(a for a in found if _folder(a) != folders.get(a.converter_name))


def places_now(
    archive: Archive, in_hand: Sequence[Arrival], lanes: Sequence[Lane], station: StationConfig
) -> dict[Arrival, str]:
    """Return where sources in hand lie now whose watch folder nobody watches by the name that it had."""
    real_of = cache(real)
    watched = {lane.config.watch_folder: lane for lane in lanes if lane.takes_new}
    found = {}
    for arrival in in_hand:
        if _folder(arrival) not in watched:
            heirs = [lane for lane in watched.values() if lane.name == arrival.converter_name]
            if not heirs and station.converter(arrival.converter_name) is None:
                heirs = [*watched.values()]
            if path := _path_now(archive, arrival, [lane.config.watch_folder for lane in heirs], real_of):
                found[arrival] = path
    return found


def path_for(lane: Lane, arrival: Arrival) -> str | None:
    """Return where a source lies now that a converter has in hand without an archive, when its folder has another name."""
    path = os.path.join(lane.config.watch_folder, os.path.basename(arrival.path))  # noqa: PTH118, PTH119 (strings)
    if path == arrival.path:
        return None
    with suppress(OSError):
        return path if os.path.samefile(path, arrival.path) else None  # noqa: PTH121 (strings)
    return path if not os.path.lexists(arrival.path) and _is_it(None, arrival, Path(path)) else None


def is_there(name: str, root: Path, station: StationConfig) -> bool:
    """Whether the configuration has a converter that goes on, under this name, with what the archive at ``root`` has of it."""
    config = station.converter(name)
    return config is not None and config.archive_enabled and station.archive_root(config) == root


def watching_with(config: ConverterConfig, station: StationConfig) -> frozenset[str]:
    """Return the names of all converters that watch a converter's folder, by whatever name of the folder."""
    where = real(config.watch_folder)
    return frozenset(c.name for c in station.converters if c.watch_folder and real(c.watch_folder) == where)


def of_others(root: Path, in_hand: Sequence[Arrival], lane: Lane, station: StationConfig) -> tuple[Arrival, ...]:
    """Return what the archive at ``root`` has in hand in a lane's folder for converters that watch another one by now."""
    here = watching_with(lane.config, station) if in_hand else frozenset()
    theirs = (a for a in in_hand if _folder(a) == lane.config.watch_folder and a.converter_name not in here)
    return tuple(a for a in theirs if is_there(a.converter_name, root, station))


def _path_now(archive: Archive, arrival: Arrival, folders: Sequence[str], real_of: Callable[[str], Path]) -> str | None:
    name, before = os.path.basename(arrival.path), _folder(arrival)  # noqa: PTH119 (strings, as in a listing)
    there = {folder: os.path.join(folder, name) for folder in folders}  # noqa: PTH118 (as above)
    if same := next((folder for folder in folders if real_of(folder) == real_of(before)), None):
        return there[same]
    if os.path.lexists(arrival.path):
        return None
    if arrival.state is ArrivalState.SUSPENDED and arrival.moved_to and len(folders) == 1 and not Path(before).exists():
        return there[folders[0]]
    return next((path for path in there.values() if _is_it(archive, arrival, Path(path))), None)


def _is_it(archive: Archive | None, arrival: Arrival, path: Path) -> bool:
    """Whether the very source of an arrival lies at ``path``: the same file, or one that is as old and has the same bytes."""
    try:
        now = reading.stamp_of(path)
        if not now.matches(arrival):
            return False
        if arrival.inode is not None and arrival.inode == now.inode:
            return True
        entry = archive.entry(arrival.archive_id) if archive and arrival.archive_id else None
        is_file = entry is not None and entry.source_kind is SourceKind.FILE
        return is_file and entry is not None and reading.checksum(path) == entry.source_checksum
    except (OSError, ArchiveError):
        return False


def _folder(arrival: Arrival) -> str:
    return os.path.dirname(arrival.path)  # noqa: PTH120 (strings, as in a listing)
