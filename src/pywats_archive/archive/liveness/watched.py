"""Which converter watches the folder of a file, and whether its patterns match the file's name."""

from __future__ import annotations

import fnmatch
import os

from pywats_archive.archive.liveness.heartbeat import facts_of
from pywats_archive.config.outline import ConverterOutline, StationOutline
from pywats_archive.models.operation.whereabouts import Watcher

_DEFAULTS = {False: ["*.*"], True: ["*"]}
"""pyWATS' default patterns, of files and of folders: the converter's own apply then."""


def watchers_of(path: str, station: StationOutline) -> tuple[Watcher, ...]:
    """Return the enabled converters that watch the folder in which ``path`` lies."""
    folder = os.path.normcase(os.path.dirname(os.path.abspath(path)))  # noqa: PTH100, PTH120 (keeps links as they are named)
    found = (each for each in station.converters if each.enabled and each.watch_folder)
    return tuple(_watcher(path, each, station) for each in found if _same(each.watch_folder, folder))


def _same(watch_folder: str, folder: str) -> bool:
    return os.path.normcase(os.path.abspath(watch_folder)) == folder  # noqa: PTH100 (as above)


def _watcher(path: str, converter: ConverterOutline, station: StationOutline) -> Watcher:
    is_folders = converter.converter_type == "folder"
    configured = converter.folder_patterns if is_folders else converter.file_patterns
    own = facts_of(station.archive_root(converter)).patterns.get(converter.name, ())
    patterns = tuple(own if own and list(configured) == _DEFAULTS[is_folders] else configured)
    name = os.path.basename(path).lower()  # noqa: PTH119 (a name of any system)
    matches = any(each == "*.*" or fnmatch.fnmatchcase(name, each.lower()) for each in patterns)
    return Watcher(converter_name=converter.name, patterns=patterns, matches=matches)
