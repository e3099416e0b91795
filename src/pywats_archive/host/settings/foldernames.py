"""Whether a folder in a configuration can be meant as it is written: otherwise one would be made that nobody looks for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from pywats_archive.errors import ConfigError
from pywats_archive.portable.files import NAME_MAX_BYTES, WINDOWS

_WINDOWS_PATH = re.compile(r"[A-Za-z]:([\\/]|$)|.*\\")
"""A drive, or any backslash: a name that has one on purpose is rarer than a configuration from another computer."""
_POSIX_PATH = re.compile(r"/(?!/)")
_HOME = re.compile(r"~[^\\/]*([\\/]|$)")
_VARIABLE = re.compile(r"(^|[\\/])\$(\w+|\{\w+\})([\\/]|$)|%\w+%")
_MOST_BYTES = 4096
"""PATH_MAX of Linux; Windows takes more and is served badly by it."""


def require_usable(key: str, folder: str, where: str, *, base: Path, windows: bool = WINDOWS) -> None:
    """Raise ConfigError, which names place, key and what to write, where ``folder`` cannot be meant as it is written."""
    for fault in _FAULTS:
        if reason := fault(folder, windows):
            raise ConfigError(f"{where}: {key} = {_short(folder)}: {reason}")
    if folder and Path(base, folder).is_file():
        raise ConfigError(f"{where}: {key} = {_short(folder)}: {Path(base, folder)} is a file; name a folder")


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
    """A path of the other operating system, taken as a relative one, would name a folder that nobody looks for."""
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
