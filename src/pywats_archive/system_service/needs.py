"""What the service of a configuration needs from the operating system: folders to write to and time to stop. Pure."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.config import ConverterConfig, StationConfig

_STOP_MARGIN_S, _VAULT_MARGIN_S = 60, 60
"""For what follows the longest conversion: its reports, its source, the end of workers; and for the last copy to a vault."""
_SHARED_FOLDERS = frozenset(
    map(Path, ("/", "/etc", "/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/usr", "/usr/local"))  # noqa: S108
) | frozenset(map(Path, ("/var", "/var/lib", "/var/opt", "/var/tmp")))  # noqa: S108 (no file is created there)
"""Folders that other programs use too: a service never gets all of one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """The needs of one service; absolute paths."""

    config: Path
    writable: tuple[Path, ...]
    """No folder is inside another one."""
    readable: tuple[Path, ...]
    vault: Path | None = None
    """The folder of the vault: a share, which may be mounted later. It is writable too."""
    stop_limit_s: int
    """How long a stop may take."""


def needs_of(station: StationConfig, *, programs: Iterable[Path]) -> Needs:
    """Return what the service of a configuration needs; ``programs`` are the folders of Python and of this package.

    Disabled converters count too, since they may be enabled while the service runs.
    """
    folders = [station.path.parent, *station.archive_roots(even_unused=True), *station.anchor_folders]
    folders += [each for each in (station.backup_folder, station.vault.folder) if each]
    for converter in station.converters:
        folders += _folders_of(converter)
    limits_s = [each.timeout_seconds for each in station.converters]
    margin_s = _STOP_MARGIN_S + (_VAULT_MARGIN_S if station.vault.vault_url else 0)
    return Needs(
        config=station.path,
        writable=outermost(folders),
        readable=outermost([station.converters_folder, *programs]),
        vault=next(iter(outermost([station.vault.folder] if station.vault.folder else [])), None),
        stop_limit_s=math.ceil(max(limits_s, default=0.0)) + margin_s,
    )


def outermost(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Return folders without those that are inside another one, in their order."""
    plain = dict.fromkeys(Path(os.path.abspath(folder)) for folder in folders)  # noqa: PTH100 (keeps links as named)
    return tuple(each for each in plain if not any(parent in plain for parent in each.parents))


def _folders_of(converter: ConverterConfig) -> list[Path]:
    """Return the folders of a converter: the one that contains its watch folder, and those that are elsewhere.

    Each writable folder of a unit is a mount of its own. A source that goes from one mount to another is copied, although
    both are on one disk; within one mount it is renamed. The lock of a watch folder is beside it, too.
    """
    folders = [Path(each) for each in (converter.done_folder, converter.error_folder, converter.pending_folder) if each]
    if converter.watch_folder:
        watch = Path(converter.watch_folder)
        folders.insert(0, watch if watch.parent in _SHARED_FOLDERS else watch.parent)
    return folders
