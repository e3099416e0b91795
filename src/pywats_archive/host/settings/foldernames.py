"""Folder names in a configuration that cannot be intended; otherwise a folder would be created that nobody expects."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pywats_archive.errors import ConfigError
from pywats_archive.host.settings.document import read_object, text_of
from pywats_archive.host.settings.state_file import completed_station
from pywats_archive.portable.files import NAME_MAX_BYTES, WINDOWS

_WINDOWS_PATH = re.compile(r"[A-Za-z]:([\\/]|$)|.*\\")
"""A drive, or any backslash: rare in an intended name, but common in a configuration from another computer."""
_POSIX_PATH = re.compile(r"/(?!/)")
_HOME = re.compile(r"~[^\\/]*([\\/]|$)")
_VARIABLE = re.compile(r"(^|[\\/])\$(\w+|\{\w+\})([\\/]|$)|%\w+%")
_MOST_BYTES = 4096
"""PATH_MAX of Linux; longer paths cause trouble on Windows too."""


def require_usable(key: str, folder: str, where: str, *, base: Path, windows: bool = WINDOWS) -> None:
    """Raise ConfigError, with place, key and what to write, if ``folder`` cannot be intended."""
    for fault in _FAULTS:
        if reason := fault(folder, windows):
            raise ConfigError(f"{where}: {key} = {_short(folder)}: {reason}")
    if folder and Path(base, folder).is_file():
        raise ConfigError(f"{where}: {key} = {_short(folder)}: {Path(base, folder)} is a file; name a folder")


def backup_folder_of(fields: dict[str, Any], path: Path) -> Path | None:
    """Return the folder that ``backup_folder`` in a configuration names; None without one. ConfigError if it is unusable."""
    folder = text_of(fields, "backup_folder", path)
    require_usable("backup_folder", folder, str(path), base=path.parent)
    return path.parent / folder if folder else None


def read_backup_folder(path: Path) -> Path | None:
    """Read the backup folder of a configuration; None without one."""
    path = path.absolute()
    return backup_folder_of(completed_station(path, read_object(path)), path)


def anchor_folders_of(fields: dict[str, Any], path: Path) -> tuple[Path, ...]:
    """Return the folders that ``anchor_folders`` in a configuration names. ConfigError if one is unusable."""
    named = fields.get("anchor_folders") or []
    if not isinstance(named, list) or not all(isinstance(each, str) and each for each in named):
        raise ConfigError(
            f'{path}: anchor_folders = {_short(str(named))}: write a list of folders, such as ["/mnt/nas"]'
        )
    for folder in named:
        require_usable("anchor_folders", folder, str(path), base=path.parent)
    return tuple(dict.fromkeys(path.parent / folder for folder in named))


def read_anchor_folders(path: Path) -> tuple[Path, ...]:
    """Read the anchor folders of a configuration."""
    path = path.absolute()
    return anchor_folders_of(completed_station(path, read_object(path)), path)


def _unwritable(folder: str, windows: bool) -> str | None:
    if "\0" in folder:
        return "it has a NUL character, which a path cannot have; remove it"
    try:
        folder.encode()
    except UnicodeEncodeError:
        return "it has half of a surrogate pair, which is not a character; correct it"
    return None


def _too_long(folder: str, windows: bool) -> str | None:
    longest = max(len(part.encode()) for part in re.split(r"[\\/]" if windows else "/", folder))
    if longest > NAME_MAX_BYTES:
        return f"a name in it has {longest} bytes, and file systems allow {NAME_MAX_BYTES}; shorten it"
    return f"it has more than {_MOST_BYTES} bytes; shorten it" if len(folder.encode()) > _MOST_BYTES else None


def _foreign(folder: str, windows: bool) -> str | None:
    """Return why a path of the other operating system is refused: it would be a relative path here."""
    other, is_other = ("POSIX", _POSIX_PATH) if windows else ("Windows", _WINDOWS_PATH)
    return f"this is a {other} path; write a path of this computer" if is_other.match(folder) else None


def _shorthand(folder: str, windows: bool) -> str | None:
    if _HOME.match(folder):
        return f"'~' is not expanded here; write the whole path, such as {os.path.expanduser('~')}"  # noqa: PTH111
    if found := _VARIABLE.search(folder):
        return f"variables such as {found[0].strip('/' + os.sep)} are not expanded here; write the whole path"
    return None


_FAULTS: tuple[Callable[[str, bool], str | None], ...] = (_unwritable, _too_long, _foreign, _shorthand)


def _short(folder: str) -> str:
    return repr(folder if len(folder) <= 200 else f"{folder[:200]}...")
