"""Unfinished sources whose watch folder was renamed, or went to another converter: recognized, so that they are sent once.

The ledger has a source by its path. If the path has changed, the source is recognized by folder, inode and checksum.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import leaving, reading
from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.errors import ArchiveError
from pywats_archive.host.settings.neighbours import real
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.entry import SourceKind
from pywats_archive.pipeline.lanes.lane import Lane


def in_hand_elsewhere(archive: Archive, station: StationConfig) -> tuple[Arrival, ...]:
    """Return an archive's unfinished arrivals in folders that their converters no longer watch; usually none."""
    folders = {c.name: c.watch_folder for c in station.converters if c.watch_folder}
    found = ledger.unfinished_outside(archive, folders)
    return tuple(a for a in found if _folder(a) != folders.get(a.converter_name))


def places_now(
    archive: Archive, in_hand: Sequence[Arrival], lanes: Sequence[Lane], station: StationConfig
) -> dict[Arrival, str]:
    """Return the current paths of unfinished sources whose watch folder is not watched under its earlier name."""
    real_of = cache(real)
    watched = {lane.config.watch_folder: lane for lane in lanes if lane.accepts_new}
    found = {}
    for arrival in in_hand:
        if _folder(arrival) not in watched:
            heirs = [lane for lane in watched.values() if lane.name == arrival.converter_name]
            if not heirs and station.converter(arrival.converter_name) is None:
                heirs = [*watched.values()]
            if path := _path_now(archive, arrival, [lane.config.watch_folder for lane in heirs], real_of):
                found[arrival] = path
    return found


def path_for(watch_folder: str, arrival: Arrival) -> str | None:
    """Return the current path of a source in memory, if its watch folder has another name now."""
    path = os.path.join(watch_folder, os.path.basename(arrival.path))  # noqa: PTH118, PTH119 (strings)
    if path == arrival.path:
        return None
    with suppress(OSError):
        return path if os.path.samefile(path, arrival.path) else None  # noqa: PTH121 (strings)
    return path if not os.path.lexists(arrival.path) and _is_it(None, arrival, Path(path)) else None


def is_there(name: str, root: Path, station: StationConfig) -> bool:
    """Whether the configuration has a converter of this name that uses the archive at ``root``."""
    config = station.converter(name)
    return config is not None and config.archive_enabled and station.archive_root(config) == root


def watching_with(config: ConverterConfig, station: StationConfig) -> frozenset[str]:
    """Return the names of all converters that watch a converter's folder, also under another name of the folder."""
    where = real(config.watch_folder)
    return frozenset(c.name for c in station.converters if c.watch_folder and real(c.watch_folder) == where)


def of_others(
    root: Path, in_hand: Sequence[Arrival], config: ConverterConfig, station: StationConfig
) -> tuple[Arrival, ...]:
    """Return the unfinished arrivals in a converter's folder whose converters now watch another folder."""
    here = watching_with(config, station) if in_hand else frozenset()
    theirs = (a for a in in_hand if _folder(a) == config.watch_folder and a.converter_name not in here)
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
    """Whether an arrival's source is at ``path``, or under a private name there.

    It has the same inode, or is a file with the same time, size and bytes.
    """
    return any(_is_at(archive, arrival, each) for each in (path, *leaving.private_names(path)))


def _is_at(archive: Archive | None, arrival: Arrival, path: Path) -> bool:
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
