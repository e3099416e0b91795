"""The folders of a configuration, and where in them a probe is not mistaken for a source. Pure."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePath

from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.doctor.findings import Role, Use

PROBE_PREFIX = ".pywats-archive-probe-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One folder to be examined."""

    path: Path
    uses: tuple[Use, ...]
    watches: tuple[Path, ...] = ()
    """The watch folders from which sources arrive here."""
    accepts_folders: bool = False
    """Whether sources that are folders are moved here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Watcher:
    """A converter that watches a folder; absolute paths."""

    folder: Path
    accepts_folders: bool
    own_folders: tuple[Path, ...] = ()
    """Done, Error and Pending, whose files are not sources."""
    companion_rules: tuple[str, ...] = ()


class Shelter(str, Enum):
    """The form of a probe that no converter mistakes for a source."""

    FOLDER = "a hidden folder"
    FILES = "hidden files"
    """Where folders are sources, plain files are not."""
    NONE = "none"


def places_of(station: StationConfig) -> tuple[Place, ...]:
    """Return each folder of the enabled converters once, with all its uses; archives first."""
    drafts = {root: _Draft([Use(role=Role.ARCHIVE)]) for root in _archive_roots(station)}
    for converter in station.converters:
        if converter.enabled and converter.converter_type != "scheduled":
            for role, folder in _folders(converter):
                drafts.setdefault(folder, _Draft()).add(role, converter)
    return tuple(
        Place(path=path, uses=tuple(d.uses), watches=tuple(d.watches), accepts_folders=d.accepts_folders)
        for path, d in drafts.items()
    )


def watchers_of(station: StationConfig) -> tuple[Watcher, ...]:
    """Return every converter's watch folder, including disabled converters, which may be enabled meanwhile."""
    return tuple(
        Watcher(
            folder=Path(converter.watch_folder),
            accepts_folders=converter.converter_type == "folder",
            own_folders=tuple(folder for role, folder in _folders(converter) if role is not Role.WATCH),
            companion_rules=converter.companion_rules,
        )
        for converter in station.converters
        if converter.converter_type != "scheduled" and converter.watch_folder
    )


def shelter_in(folder: Path, watchers: Sequence[Watcher]) -> Shelter:
    """Choose a probe's form in ``folder`` that no watcher's listing, signature or companion rule matches."""
    here = [watcher for watcher in watchers if _same(watcher.folder, folder)]
    if any(_sees_into(watcher, folder) for watcher in watchers):
        return Shelter.NONE
    accepts_folders, accepts_files = any(w.accepts_folders for w in here), any(not w.accepts_folders for w in here)
    if accepts_folders:
        return Shelter.NONE if accepts_files else Shelter.FILES
    return Shelter.FOLDER


def _sees_into(watcher: Watcher, folder: Path) -> bool:
    """Return whether a probe in ``folder`` would be in a source of the watcher, or a companion of one."""
    if not _within(folder, watcher.folder):
        return False
    parts = PurePath(_plain(folder)).relative_to(_plain(watcher.folder)).parts
    top = parts[0] if parts else PROBE_PREFIX
    if any(_could_match(rule, top) for rule in watcher.companion_rules):
        return True
    return bool(parts) and watcher.accepts_folders and not any(_within(folder, own) for own in watcher.own_folders)


def _could_match(rule: str, top: str) -> bool:
    first = PurePath(rule.replace("{stem}", "x").replace("{name}", "x")).parts[:1]
    return any(part == "**" or fnmatch.fnmatch(top, part) or fnmatch.fnmatch(top + "0", part) for part in first)


def _within(path: Path, folder: Path) -> bool:
    return PurePath(_plain(path)).is_relative_to(_plain(folder))


def _same(one: Path, other: Path) -> bool:
    return _plain(one) == _plain(other)


def _plain(path: Path) -> str:
    return os.path.normcase(os.path.normpath(path))


def _archive_roots(station: StationConfig) -> tuple[Path, ...]:
    roots = (station.archive_root(c) for c in station.converters if c.archive_enabled and c.enabled)
    return tuple(dict.fromkeys(Path(os.path.normpath(root)) for root in roots))


def _folders(converter: ConverterConfig) -> list[tuple[Role, Path]]:
    named = (
        (Role.WATCH, converter.watch_folder),
        (Role.DONE, converter.done_folder),
        (Role.ERROR, converter.error_folder),
        (Role.PENDING, converter.pending_folder),
    )
    return [(role, Path(os.path.normpath(folder))) for role, folder in named if folder]


@dataclass(slots=True)
class _Draft:
    uses: list[Use] = field(default_factory=list)
    watches: list[Path] = field(default_factory=list)
    accepts_folders: bool = False

    def add(self, role: Role, converter: ConverterConfig) -> None:
        self.uses.append(Use(role=role, converter=converter.name))
        if role is not Role.WATCH:
            watch = Path(os.path.normpath(converter.watch_folder))
            self.watches = list(dict.fromkeys([*self.watches, watch]))
            self.accepts_folders = self.accepts_folders or converter.converter_type == "folder"
