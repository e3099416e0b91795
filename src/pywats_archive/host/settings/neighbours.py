"""Folders and files that a station needs in place, and that no converter may take as a source.

A folder converter's source is moved as a whole, with everything in it.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.config.keys import IDENTITY_FILE, RECIPIENTS_FILE
from pywats_archive.errors import ConfigError
from pywats_archive.host.settings.key import KEY_FILE
from pywats_archive.host.settings.state_file import FORMER, state_path

NOT_ARCHIVED = "not-archived"
"""The folder in Done for sources that were converted while the archive failed."""
_LEAVING = ("done_folder", "error_folder", "pending_folder")


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """A folder that the station needs in place."""

    key: str
    """The key in the configuration, with its converter."""
    path: Path
    """Real and in the file system's own case, as ``real`` gives it."""


def real(path: Path | str) -> Path:
    """Resolve links and case, as far as the path exists: two names of one folder become one."""
    return Path(os.path.normcase(os.path.realpath(path)))


def way_to(folder: Path, path: Path) -> str | None:
    """Return the name of the item of ``folder`` that contains ``path`` or is ``path``; None if ``path`` is elsewhere."""
    return path.relative_to(folder).parts[0] if path != folder and path.is_relative_to(folder) else None


def neighbours(station: StationConfig, *, is_used: bool = False) -> tuple[Neighbour, ...]:
    """Return the folders of all converters and of the station itself; with ``is_used`` only those that are used now."""
    found = [("the configuration", station.path.parent), ("converters_folder", station.converters_folder)]
    for each in (c for c in station.converters if c.enabled or not is_used):
        keys = [key for key in ("watch_folder", *_LEAVING) if getattr(each, key)]
        found += [(f"{key} of converter '{each.name}'", Path(getattr(each, key))) for key in keys]
        if each.done_folder:
            found.append((f"done_folder of converter '{each.name}'", Path(each.done_folder, NOT_ARCHIVED)))
    found += [("archive_folder", root) for root in station.archive_roots(even_unused=not is_used)]
    return tuple(Neighbour(key=key, path=real(path)) for key, path in found)


def spared(config: ConverterConfig, station: StationConfig) -> frozenset[str]:
    """Return the names in a converter's watch folder, in normal case, that the station needs: they are no sources."""
    watch = real(config.watch_folder)
    if config.converter_type == "folder":
        former = {os.path.normcase(FORMER)} if real(station.path.parent) == watch else set()
        return frozenset(former.union(name for each in neighbours(station) if (name := way_to(watch, each.path))))
    keys = (station.path.parent / name for name in (KEY_FILE, IDENTITY_FILE, RECIPIENTS_FILE))
    own = (station.path, state_path(station.path), *keys)
    return frozenset(os.path.normcase(path.name) for path in own if real(path.parent) == watch)


def require_apart(station: StationConfig) -> None:
    """Raise ConfigError when a folder converter's patterns match what holds a neighbour; it is left out of listings anyway.

    Its own Done, Error and Pending may be directly in its watch folder, but not deeper.
    """
    others = neighbours(station, is_used=True)
    for config in station.converters:
        if config.enabled and config.converter_type == "folder" and config.watch_folder:
            for name, each in _swallowed(config, others):
                raise ConfigError(
                    f"{station.path}: converter '{config.name}': it would take {Path(config.watch_folder, name)} for a "
                    f"source, and {each.key} is {each.path}; watch another folder, or write folder_patterns that do not "
                    "match it"
                )


def _swallowed(config: ConverterConfig, others: Sequence[Neighbour]) -> Iterator[tuple[str, Neighbour]]:
    watch = real(config.watch_folder)
    own = {folder for key in _LEAVING if (folder := real(getattr(config, key))).parent == watch}
    for each in others:
        name = way_to(watch, each.path)
        is_own = any(each.path.is_relative_to(folder) for folder in own)
        if name and not is_own and _is_matched(name, config.folder_patterns):
            yield name, each


def _is_matched(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)
