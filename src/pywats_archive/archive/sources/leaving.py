"""The private name of a source while it leaves its folder.

A program may replace a file by its name at any time, even between a comparison and the move. Therefore a source is first
renamed, within its folder, to a name that no program uses. It is compared, moved and removed under that name.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pywats_archive.errors import SourceVanished
from pywats_archive.portable import files, names

PATTERN = r"(?s:\..+)\.pywats-leaving(?:-[2-9])?"
"""Matches the private names; a number is added while another source waits under the name without one."""
_PRIVATE = re.compile(PATTERN)
_SUFFIX, _LONG_SUFFIX = ".pywats-leaving", ".long-name.pywats-leaving"
"""The second one follows a checksum that stands for a name that is too long."""
_MOST = 9
_PATH_MAX = 260
"""The longest path of most Windows programs (Microsoft: MAX_PATH)."""

_Key = tuple[int, int, str]
_in_hand: set[_Key] = set()
_released = threading.Condition()


def is_private(name: str) -> bool:
    """Return whether a name is a private one."""
    return _PRIVATE.fullmatch(name) is not None


def private_names(path: Path, *, windows: bool = files.WINDOWS) -> Iterator[Path]:
    """Yield the private paths that the source at ``path`` may have, in the same folder."""
    folder, name = os.path.split(path)
    suffix, more = _SUFFIX, len(f".{_SUFFIX}-{_MOST}")
    is_long = len(os.fsencode(name)) + more > files.NAME_MAX_BYTES
    if is_long or (windows and len(str(path)) + more >= _PATH_MAX):
        short = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
        if len(short + _LONG_SUFFIX) < len(name + suffix):
            name, suffix = short, _LONG_SUFFIX
    yield Path(folder, f".{name}{suffix}")
    for number in range(2, _MOST + 1):
        yield Path(folder, f".{name}{suffix}-{number}")


def private_name(path: Path) -> Path:
    """Return the private path of the source at ``path`` when no other one waits."""
    return next(private_names(path))


def original_of(private: Path) -> Path | None:
    """Return the path of the source that has this private path; None if its name was too long to be part of it."""
    name = private.name[1:].rpartition(_SUFFIX)[0]
    return None if f"{name}{_SUFFIX}".endswith(_LONG_SUFFIX) else private.with_name(name)


def is_there(path: Path) -> bool:
    """Return whether anything has the name of a source, or one of its private names."""
    return os.path.lexists(path) or any(map(os.path.lexists, private_names(path)))


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until no other thread uses a private name of ``path``, and keep the names for the block."""
    key = _key_of(path)
    with _released:
        _released.wait_for(lambda: key not in _in_hand)
        _in_hand.add(key)
    with _in_hand_as(key):
        yield


@contextmanager
def _in_hand_as(key: _Key) -> Iterator[None]:
    try:
        yield
    finally:
        with _released:
            _in_hand.discard(key)
            _released.notify_all()


def claim(path: Path, private: Path) -> None:
    """Rename a source to a private path, where nothing is. Only within ``alone``."""
    names.rename(path, private)


def give_back(private: Path, path: Path) -> bool:
    """Rename the source at a private path to ``path``; False while another file is there. Only within ``alone``.

    Safe to repeat after a crash.
    """
    try:
        status = private.lstat()
        if stat.S_ISDIR(status.st_mode):
            files.rename_folder_exclusive(private, path)
        else:
            files.rename_exclusive(private, path)
    except FileNotFoundError:
        return True
    except FileExistsError:
        if not os.path.samestat(status, path.lstat()) or status.st_nlink < 2:
            return False
        names.unlink(private)  # a crash came between both steps of the rename
    return True


def give_back_left(private: Path, path: Path) -> bool | None:
    """Rename a source back that a crash or an error left under a private name; False if its own name is taken.

    None while a thread of this process uses its private name.
    """
    key = _key_of(path)
    with _released:
        if key in _in_hand:
            return None
        _in_hand.add(key)
    with _in_hand_as(key):
        return give_back(private, path)


def _key_of(path: Path) -> _Key:
    """Return a key that is the same for all paths of one folder; SourceVanished when the folder is gone."""
    folder, name = os.path.split(path)
    try:
        status = os.stat(folder)  # noqa: PTH116 (strings: this is asked for each source)
    except FileNotFoundError as exc:
        raise SourceVanished(f"{path}: its folder is gone") from exc
    return status.st_dev, status.st_ino, os.path.normcase(name)
